import { useEffect, useRef } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { useKeys } from '../lib/keys.ts'
import type { Player } from '../lib/player.ts'
import { mediaTime } from '../lib/time.ts'
import { playerTexts } from '../texts-player.ts'
import { PauseIcon, PlayIcon } from './sound-icons.tsx'

const words = playerTexts

/** How far the arrow keys of the slider, `,` and `.` go, ms. */
const STEP_MS = 1_000

/** Space plays, `,` and `.` go by a second. */
function usePlayerKeys(player: Player): void {
  useKeys({
    // on a button or a link the space bar presses it
    ' ': ({ target }) => (target instanceof Element && target.closest('button, a, summary') ? false : player.toggle()),
    ',': () => player.seek(player.atMs.value - STEP_MS),
    '.': () => player.seek(player.atMs.value + STEP_MS),
  })
}

/** Play and pause, and a slider that says where it is. */
export function Transport({ player }: { player: Player }) {
  const isPlaying = useCell(player.isPlaying)
  const durationMs = useCell(player.durationMs)
  const slider = useRef<HTMLInputElement>(null)
  const shown = useRef<HTMLSpanElement>(null)
  usePlayerKeys(player)

  // not drawn again at each frame; words only when the second has changed
  useEffect(() => {
    let second = -1
    const move = () => {
      const at = player.atMs.value
      if (slider.current) slider.current.value = String(at)
      if (Math.floor(at / 1000) === second) return
      second = Math.floor(at / 1000)
      slider.current?.setAttribute('aria-valuetext', words.of(mediaTime(at), mediaTime(durationMs)))
      if (shown.current) shown.current.textContent = mediaTime(at)
    }
    move()
    return player.atMs.subscribe(move)
  }, [player, durationMs])
  return (
    <div class="transport" dir="ltr">
      <button
        type="button"
        class="button primary play"
        aria-label={isPlaying ? words.pause : words.play}
        onClick={() => player.toggle()}
      >
        {isPlaying ? <PauseIcon /> : <PlayIcon />}
      </button>
      <span class="time" aria-hidden="true">
        <span ref={shown} /> / {mediaTime(durationMs)}
      </span>
      <input
        ref={slider}
        type="range"
        class="grow"
        aria-label={words.position}
        min={0}
        max={durationMs}
        step={1}
        onInput={(event) => player.seek(Number(event.currentTarget.value))}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key]
          if (by === undefined) return
          event.preventDefault()
          player.seek(player.atMs.value + by * STEP_MS)
        }}
      />
    </div>
  )
}
