import type { Comment, File } from '@cutroom/client'
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { soundOf, takesOf, useFiles } from '../lib/cut-files.ts'
import type { Player } from '../lib/player.ts'
import { useRoomValue } from '../lib/room.ts'
import { exactMediaTime, mediaTime, readMediaTime } from '../lib/time.ts'
import { commentTexts } from '../texts-comments.ts'
import { soundTexts } from '../texts-sound.ts'
import type { Listening } from './comments.tsx'
import { type Moment, TimeField } from './composer.tsx'

const words = soundTexts.comment
const nothing: readonly Comment[] = []

/** A comment at a moment of a recording. */
export interface Anchor {
  comment: Comment
  atMs: number
}

/** First comments that are about moments of this recording, in the order in which they are heard. */
export function useAnchors(cutId: string, fileId: string | undefined): readonly Anchor[] {
  const all = useRoomValue(({ state }) => state?.commentsOf(cutId) ?? nothing, [cutId])
  return useMemo(
    () =>
      fileId === undefined
        ? []
        : all
            .flatMap((comment) =>
              comment.fileId === fileId && comment.parentId === null && comment.atMs !== null
                ? [{ comment, atMs: comment.atMs }]
                : [],
            )
            .toSorted((a, b) => a.atMs - b.atMs),
    [all, fileId],
  )
}

const spanText = (atMs: number, endMs: number | null): string =>
  endMs === null ? mediaTime(atMs) : `${mediaTime(atMs)}–${mediaTime(endMs)}`

/** The comment that was reached last. Drawn again when it is another one. */
function useHeard(player: Player, anchors: readonly Anchor[]): string | null {
  const [heard, setHeard] = useState<string | null>(null)
  useEffect(() => {
    const look = () => {
      // before it was played there is no moment
      const at = player.atMs.value
      setHeard((at > 0 && anchors.findLast(({ atMs }) => atMs <= at)?.comment.id) || null)
    }
    look()
    return player.atMs.subscribe(look)
  }, [player, anchors])
  return heard
}

/** A button that takes the position of the recording, which it says by the second. */
function TakePosition(props: { player: Player; text: (at: string) => string; onTake: (atMs: number) => void }) {
  const { atMs } = props.player
  const [second, setSecond] = useState(0)
  useEffect(() => {
    const look = () => setSecond(Math.floor(atMs.value / 1000))
    look()
    return atMs.subscribe(look)
  }, [atMs])
  return (
    // to a tenth of a second, as a person hears it
    <button type="button" class="button tight" onClick={() => props.onTake(Math.round(atMs.value / 100) * 100)}>
      {props.text(mediaTime(second * 1000))}
    </button>
  )
}

/** The moment of a new comment: from and to, on the take that is shown. */
function useMomentOf(player: Player): Moment & { begin(positionMs: number): void } {
  const [at, setAt] = useState('')
  const [to, setTo] = useState('')
  const sound = useCell(player.sound)
  const range = useCell(player.range)
  const atMs = readMediaTime(at)
  const endMs = readMediaTime(to)
  const durationMs = useCell(player.durationMs)
  const isBeyond = (ms: number | null | undefined) => sound !== null && durationMs > 0 && (ms ?? 0) > durationMs
  const isEnd = endMs !== undefined && (endMs === null || (atMs != null && endMs >= atMs))
  /** Goes by the range that is selected, where there is one. */
  const begin = (positionMs: number) => {
    setAt(exactMediaTime(range?.startMs ?? positionMs))
    setTo(range ? exactMediaTime(range.endMs) : '')
  }
  const end = (positionMs: number) => {
    const [startMs = 0, endMs = 0] = [atMs ?? 0, positionMs].toSorted((a, b) => a - b)
    setAt(exactMediaTime(startMs))
    setTo(exactMediaTime(endMs))
    player.select(startMs < endMs ? { startMs, endMs } : null)
  }
  return {
    span:
      atMs === undefined || !isEnd || isBeyond(atMs) || isBeyond(endMs)
        ? undefined
        : { atMs, endMs, fileId: atMs === null ? null : (sound?.id ?? null) },
    begin,
    set(from, until) {
      setAt(from === null ? '' : exactMediaTime(from))
      setTo(until === null ? '' : exactMediaTime(until))
    },
    clear() {
      setAt('')
      setTo('')
      player.select(null)
    },
    fields: (
      <>
        <TimeField
          label={commentTexts.comments.at}
          value={at}
          isWrong={atMs === undefined || isBeyond(atMs)}
          wrong={commentTexts.comments.atWrong}
          onInput={setAt}
        />
        {sound && (
          <TakePosition
            player={player}
            text={(now) => words.takeAt(range ? spanText(range.startMs, range.endMs) : now)}
            onTake={begin}
          />
        )}
        <TimeField label={words.to} value={to} isWrong={!isEnd || isBeyond(endMs)} wrong={words.toWrong} onInput={setTo} />
        {sound && atMs != null && <TakePosition player={player} text={words.takeTo} onTake={end} />}
        {(isBeyond(atMs) || isBeyond(endMs)) && (
          <span class="bad small" role="alert">
            {words.beyond(mediaTime(durationMs))}
          </span>
        )}
        {sound && at !== '' && <span class="quiet small">{words.on(sound.name)}</span>}
      </>
    ),
  }
}

/** The moment of a comment, by which it can be gone to; on another take than the one that is shown that one is named. */
function MomentButton(props: { comment: Comment; take: File | undefined; onGo: (comment: Comment) => void }) {
  const { comment, take, onGo } = props
  const { atMs, endMs } = comment
  if (atMs === null) return null
  const text = spanText(atMs, endMs)
  const name = take ? `${text} · ${soundTexts.take(take.take ?? 0)}` : text
  return (
    <button type="button" class="chip wide moment" aria-label={words.goTo(name)} onClick={() => onGo(comment)}>
      {name}
    </button>
  )
}

/** What the threads of a cut have to do with what is heard. */
export function useListening(cutId: string, player: Player): Listening {
  const files = useFiles(cutId)
  const sound = useCell(player.sound)
  const isPlaying = useCell(player.isPlaying)
  const [follows, setFollows] = useState(true)
  const anchors = useAnchors(cutId, sound?.id)
  const heard = useHeard(player, anchors)
  const moment = useMomentOf(player)
  const onGo = useCallback(
    (comment: Comment) => {
      const take = takesOf(files).find(({ id }) => id === comment.fileId)
      if (take) player.show(soundOf(take))
      player.seek(comment.atMs ?? 0)
      player.select(comment.endMs === null || comment.atMs === null ? null : { startMs: comment.atMs, endMs: comment.endMs })
    },
    [files, player],
  )
  const drawMoment = useCallback(
    (comment: Comment) => {
      const take = files.find(({ id, take: n }) => n !== null && id === comment.fileId && id !== sound?.id)
      return sound && <MomentButton comment={comment} take={take} onGo={onGo} />
    },
    [files, sound?.id, onGo],
  )
  return {
    moment,
    drawMoment,
    heardId: sound ? heard : null,
    follows: sound ? follows : null,
    isPlaying,
    onFollow: setFollows,
    onWrite() {
      if (sound) moment.begin(Math.round(player.atMs.value / 100) * 100)
    },
  }
}
