import { createAudioElements, type Sound } from './audio-elements.ts'
import { type Cell, createCell } from './cell.ts'

export type { Sound } from './audio-elements.ts'

/** Part of a recording, ms. */
export interface Range {
  startMs: number
  endMs: number
}

/** Plays one recording at a time, and keeps the position when another one is shown. The browser loads what it plays, by ranges. */
export interface Player {
  readonly sound: Cell<Sound | null>
  readonly atMs: Cell<number>
  readonly durationMs: Cell<number>
  readonly isPlaying: Cell<boolean>
  readonly range: Cell<Range | null>
  /** It could not be loaded, or the browser can not play it. */
  readonly hasFailed: Cell<boolean>
  /** Shows a recording; one that was shown before is at hand. */
  show(sound: Sound | null): void
  /** Loads the beginning of another one, so that it plays at once when it is shown. */
  prepare(sound: Sound): void
  toggle(): void
  pause(): void
  seek(ms: number): void
  select(range: Range | null): void
  close(): void
}

/** The values that are drawn. */
function createState() {
  return {
    sound: createCell<Sound | null>(null),
    atMs: createCell(0),
    durationMs: createCell(0),
    isPlaying: createCell(false),
    range: createCell<Range | null>(null),
    hasFailed: createCell(false),
  }
}

export function createPlayer(): Player {
  const state = createState()
  const { sound, atMs, durationMs, isPlaying, range, hasFailed } = state
  let current: HTMLAudioElement | null = null
  let frame = 0

  const look = () => {
    if (current && current.readyState > 0) atMs.value = Math.round(current.currentTime * 1000)
  }
  /** Looks at each frame while it plays. */
  const watch = () => {
    cancelAnimationFrame(frame)
    look()
    if (isPlaying.value) frame = requestAnimationFrame(watch)
  }
  /** Once the beginning is loaded, it goes where it was to be. */
  const begin = (audio: HTMLAudioElement) => {
    if (!sound.value?.durationMs && Number.isFinite(audio.duration)) durationMs.value = Math.round(audio.duration * 1000)
    audio.currentTime = atMs.value / 1000
  }
  const elements = createAudioElements((event, audio) => {
    if (audio !== current) return
    if (event === 'loadedmetadata') begin(audio)
    else if (event === 'seeked' || event === 'timeupdate') look()
    else {
      if (event === 'error') hasFailed.value = true
      isPlaying.value = event !== 'error' && !audio.paused
      watch()
    }
  })
  const play = () => {
    // An element that is paused before it has begun says so here; what cannot be played fires `error`.
    current?.play().catch(() => {})
  }

  function show(next: Sound | null): void {
    const before = sound.value
    sound.value = next
    // known by now, of the same recording
    if (next?.durationMs) durationMs.value = next.durationMs
    if (before?.id === next?.id) return
    const wasPlaying = isPlaying.value
    current?.pause()
    current = next && elements.load(next, current)
    hasFailed.value = false
    range.value = null
    isPlaying.value = false
    if (!next || !current) return
    if (next.durationMs) atMs.value = Math.min(atMs.value, next.durationMs)
    if (current.readyState > 0) begin(current)
    if (wasPlaying) play()
  }

  function seek(ms: number): void {
    atMs.value = Math.round(Math.min(Math.max(ms, 0), durationMs.value || Number.POSITIVE_INFINITY))
    // before its beginning is loaded, `begin` goes there
    if (current && current.readyState > 0) current.currentTime = atMs.value / 1000
  }

  return {
    ...state,
    show,
    seek,
    prepare: (other) => void elements.load(other, current),
    pause: () => current?.pause(),
    toggle() {
      if (!current || !sound.value) return
      if (current.error) {
        hasFailed.value = false
        elements.load(sound.value, current)
      } else if (!current.paused) return current.pause()
      if (current.ended) seek(0)
      play()
    },
    select(next) {
      range.value = next
    },
    close() {
      cancelAnimationFrame(frame)
      current = null
      isPlaying.value = false
      elements.close()
    },
  }
}
