import { files as endpoints, type File } from '@cutroom/client'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { failureOf, soundOf } from '../lib/cut-files.ts'
import { useKeys } from '../lib/keys.ts'
import { useWaveform } from '../lib/peaks.ts'
import { hueOf } from '../lib/people.ts'
import type { Player } from '../lib/player.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { mediaTime } from '../lib/time.ts'
import { playerTexts } from '../texts-player.ts'
import { soundTexts } from '../texts-sound.ts'
import { useAnchors } from './listening.tsx'
import { Transport } from './transport.tsx'
import { Marks, Wave } from './wave.tsx'

const words = playerTexts

/** Another take, heard at the same position. */
function Compare({ player, takes, shown }: { player: Player; takes: readonly File[]; shown: File }) {
  const [otherId, setOtherId] = useState('')
  const others = takes.filter(({ id }) => id !== shown.id)
  // the one that was left becomes the other one
  const [last, setLast] = useState(shown.id)
  if (last !== shown.id) {
    setLast(shown.id)
    if (otherId === shown.id) setOtherId(last)
  }
  const other = others.find(({ id }) => id === otherId)
  useEffect(() => {
    if (other) player.prepare(soundOf(other))
  }, [other?.id])
  const swap = () => {
    if (!other) return false
    const sound = soundOf(other)
    player.show(sound)
    announce(words.swapped(sound.name, mediaTime(player.atMs.value)))
    return true
  }
  useKeys({ x: swap })
  if (others.length === 0) return null
  return (
    <div class="row wrap">
      <label class="row small">
        {words.compare}
        <select value={other ? otherId : ''} onChange={(event) => setOtherId(event.currentTarget.value)}>
          <option value="">{words.compareNone}</option>
          {others.map(({ id, take }) => (
            <option key={id} value={id}>
              {soundTexts.take(take ?? 0)}
            </option>
          ))}
        </select>
      </label>
      {other && (
        <button type="button" class="button tight" onClick={swap}>
          {words.swap(soundTexts.take(other.take ?? 0))}
        </button>
      )}
    </div>
  )
}

/** The range that is selected, and its end. */
function Selected({ player }: { player: Player }) {
  const range = useCell(player.range)
  if (!range) return null
  return (
    <span class="row small">
      {words.range(mediaTime(range.startMs), mediaTime(range.endMs))}
      <button type="button" class="button plain tight" onClick={() => player.select(null)}>
        {words.clear}
      </button>
    </span>
  )
}

/** Keeps the player at a take: the current one, until another is chosen. */
function useShownTake(player: Player, takes: readonly File[]): File | undefined {
  const sound = useCell(player.sound)
  const shown = takes.find(({ id }) => id === sound?.id) ?? takes[0]
  const duration = shown?.audio?.durationMs
  useEffect(() => {
    player.show(shown ? soundOf(shown) : null)
  }, [player, shown?.id, duration])
  return shown
}

/** Plays the takes of a cut, with their waveform and the comments on it. @param takes newest first, at least one @param onComment a comment was chosen */
export function CutPlayer(props: { cutId: string; takes: readonly File[]; player: Player; onComment: (id: string) => void }) {
  const { cutId, takes, player, onComment } = props
  const shown = useShownTake(player, takes)
  const hasFailed = useCell(player.hasFailed)
  const peaks = useWaveform(shown?.status === 'ready' ? shown.id : null, () =>
    client.call(endpoints.peaks, { params: { fileId: shown?.id ?? '' } }),
  )
  const anchors = useAnchors(cutId, shown?.id)
  const marks = useMemo(
    () =>
      anchors
        .filter(({ comment }) => comment.resolvedAt === null)
        .map(({ comment: { id, author, endMs }, atMs }) => ({
          id,
          atMs,
          endMs,
          hue: hueOf(author.id),
          title: words.marker(author.name, mediaTime(atMs)),
        })),
    [anchors],
  )
  if (!shown) return null
  const reason = failureOf(shown) ?? (peaks.hasFailed ? words.waveFailed : null)
  return (
    <section class="player" aria-label={words.title}>
      <Wave player={player} waveform={peaks.waveform}>
        <Marks
          player={player}
          marks={marks}
          onGo={(id) => {
            const anchor = anchors.find(({ comment }) => comment.id === id)
            if (anchor) player.seek(anchor.atMs)
            onComment(id)
          }}
        />
      </Wave>
      {shown.status === 'processing' && <p class="quiet small">{words.processing}</p>}
      {reason !== null && <p class="warn small">{reason}</p>}
      {hasFailed && (
        <p class="note bad small" role="alert">
          {words.failedDownload}
        </p>
      )}
      <Transport player={player} />
      <div class="row wrap player-foot">
        <p class="row grow">
          <strong>{soundTexts.take(shown.take ?? 0)}</strong>
          <span class="clip quiet small" title={shown.name} dir="auto">
            {shown.name}
          </span>
        </p>
        <Selected player={player} />
        <Compare player={player} takes={takes} shown={shown} />
      </div>
    </section>
  )
}
