/** What can be heard. */
export interface Sound {
  id: string
  /** How it is called, to people. */
  name: string
  url: string
  /** Null until it is known: by the server, or once the browser has read the beginning. */
  durationMs: number | null
}

/** Recordings that are kept loaded: two that are compared. */
const KEPT = 2
const EVENTS = ['play', 'pause', 'ended', 'seeked', 'timeupdate', 'loadedmetadata', 'error'] as const
export type AudioEvent = (typeof EVENTS)[number]

function unload(audio: HTMLAudioElement): void {
  audio.pause()
  audio.removeAttribute('src')
  audio.load()
}

/** Elements that play recordings, by id; they load the beginning, and what is played. @param on told of what happens to each */
export function createAudioElements(on: (event: AudioEvent, audio: HTMLAudioElement) => void) {
  /** The one used last at the end. */
  const loaded = new Map<string, HTMLAudioElement>()
  return {
    /** What could not be loaded is loaded anew: there may be a network again. @param kept the one that is heard, which stays */
    load({ id, url }: Sound, kept: HTMLAudioElement | null): HTMLAudioElement {
      const known = loaded.get(id)
      const audio = known ?? new Audio()
      loaded.delete(id)
      loaded.set(id, audio)
      if (known?.error) known.load()
      if (known) return known
      for (const [other, element] of loaded) {
        if (loaded.size <= KEPT) break
        if (element === kept || element === audio) continue
        loaded.delete(other)
        unload(element)
      }
      for (const event of EVENTS) audio.addEventListener(event, () => on(event, audio))
      audio.preload = 'metadata'
      audio.src = url
      return audio
    },
    close(): void {
      for (const audio of loaded.values()) unload(audio)
      loaded.clear()
    },
  }
}
