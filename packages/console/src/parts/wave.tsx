import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import type { Player } from '../lib/player.ts'

/** What is drawn of a recording: the lowest and highest sample by point, 127 is full scale. */
export interface Waveform {
  min: readonly number[]
  max: readonly number[]
}

const FULL = 128
/** A drag shorter than this is a click, ms of the recording. */
const SHORTEST_MS = 100

/** Up along the highest samples, and back along the lowest. */
function pathOf({ min, max }: Waveform): string {
  const above = max.map((value, x) => `${x},${FULL - Math.max(value, 1)}`)
  const below = min.map((value, x) => `${x},${FULL - Math.min(value, -1)}`)
  return `M${[...above, ...below.reverse()].join('L')}Z`
}

/**
 * The waveform, what was played of it in another colour, the range that is selected, and what is drawn over it. For the eye and the
 * pointer: the slider beside it says and does the same for all others.
 */
export function Wave({
  player,
  waveform,
  children,
}: {
  player: Player
  waveform: Waveform | null
  children?: ComponentChildren
}) {
  const box = useRef<HTMLDivElement>(null)
  const durationMs = useCell(player.durationMs)
  const range = useCell(player.range)
  const path = useMemo(() => waveform && pathOf(waveform), [waveform])
  const percent = (ms: number) => (durationMs === 0 ? 0 : (Math.min(ms / durationMs, 1) * 100).toFixed(3))

  // not drawn again at each frame: one property of the style moves
  useLayoutEffect(() => {
    const move = () => box.current?.style.setProperty('--played', `${percent(player.atMs.value)}%`)
    move()
    return player.atMs.subscribe(move)
  }, [player, durationMs])

  const drag = useRef<{ fromMs: number; isRange: boolean } | null>(null)
  const msOf = (event: PointerEvent): number => {
    const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect()
    return Math.round(Math.min(Math.max((event.clientX - left) / Math.max(width, 1), 0), 1) * durationMs)
  }
  const onMove = (event: PointerEvent) => {
    if (!drag.current) return
    const { fromMs, isRange } = drag.current
    const toMs = msOf(event)
    if (!isRange) return player.seek(toMs)
    const [startMs, endMs] = fromMs < toMs ? [fromMs, toMs] : [toMs, fromMs]
    player.select(endMs - startMs < SHORTEST_MS ? null : { startMs, endMs })
  }
  const onEnd = () => {
    if (drag.current?.isRange && player.range.value) player.seek(player.range.value.startMs)
    drag.current = null
  }
  useEffect(() => onEnd, [])
  return (
    <div
      ref={box}
      class="wave"
      dir="ltr"
      aria-hidden="true"
      onPointerDown={(event) => {
        if (event.button !== 0 || durationMs === 0) return
        event.currentTarget.setPointerCapture(event.pointerId)
        drag.current = { fromMs: msOf(event), isRange: event.shiftKey }
        onMove(event)
      }}
      onPointerMove={onMove}
      onPointerUp={onEnd}
      onPointerCancel={onEnd}
    >
      {path !== null && waveform && (
        <>
          <svg viewBox={`0 0 ${waveform.max.length - 1} ${FULL * 2}`} preserveAspectRatio="none" aria-hidden="true">
            <path d={path} fill="currentColor" />
          </svg>
          <svg
            class="played"
            viewBox={`0 0 ${waveform.max.length - 1} ${FULL * 2}`}
            preserveAspectRatio="none"
            aria-hidden="true"
          >
            <path d={path} fill="currentColor" />
          </svg>
        </>
      )}
      {range && (
        <span
          class="wave-range"
          style={{ left: `${percent(range.startMs)}%`, width: `${percent(range.endMs - range.startMs)}%` }}
        />
      )}
      <span class="wave-head" />
      {children}
    </div>
  )
}

/** At most so many are drawn: more are nothing but a bar. */
const MOST_MARKERS = 300

export interface WaveMark {
  id: string
  atMs: number
  endMs: number | null
  hue: number
  title: string
}

/** Comments on the waveform, in the colours of the people. */
export function Marks({ player, marks, onGo }: { player: Player; marks: readonly WaveMark[]; onGo: (id: string) => void }) {
  const durationMs = useCell(player.durationMs)
  if (durationMs === 0) return null
  return (
    <>
      {marks.slice(0, MOST_MARKERS).map(({ id, atMs, endMs, hue, title }) => (
        <span
          key={id}
          class={endMs === null ? 'wave-mark' : 'wave-mark range'}
          title={title}
          style={{
            '--hue': hue,
            left: `${Math.min((atMs / durationMs) * 100, 100)}%`,
            ...(endMs !== null && { width: `${(Math.min(endMs - atMs, durationMs - atMs) / durationMs) * 100}%` }),
          }}
          onPointerDown={(event) => {
            event.stopPropagation()
            onGo(id)
          }}
        />
      ))}
    </>
  )
}
