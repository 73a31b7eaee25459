import type { Line, Sighting } from './messages.ts'

/** Reports what was seen in small bundles: the time of each was taken when it came, so the bundle costs no truth. */
export function bundle(line: Line) {
  let waiting: Sighting[] = []
  /** At once: before whatever is reported next. */
  function flush(): void {
    if (waiting.length === 0) return
    line.report({ type: 'saw', sightings: waiting })
    waiting = []
  }
  return {
    add(sighting: Sighting): void {
      if (waiting.push(sighting) === 1) setTimeout(flush, 10)
    },
    flush,
  }
}
