import '../styles/inspector.css'
import type { ProjectEventName, Room, RoomEvent } from '@cutroom/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useKeys } from '../lib/keys.ts'
import { replay } from '../lib/probe.ts'
import { complain, useRoom, useRoomValue } from '../lib/room.ts'
import { toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { untilLoaded } from '../lib/until-loaded.ts'
import { useSelected } from '../lib/use-selected.ts'
import { CloseIcon } from '../parts/icons.tsx'
import { Windowed } from '../parts/windowed.tsx'
import { texts } from '../texts.ts'
import { moreTexts } from '../texts-more.ts'
import { EventRow, type Seen } from './inspector-event.tsx'

const words = moreTexts.inspector
/** Events of the past that are shown at first, and the most that are kept. */
const BACKLOG = 100
const MOST = 2_000
const ROW_HEIGHT = 32

/** The events of the log, as they come; those of before the drawer was opened first. */
function useEvents(room: Room): readonly Seen[] {
  const [events, setEvents] = useState<readonly Seen[]>([])
  useEffect(() => {
    const add = (more: readonly Seen[]) =>
      setEvents((was) => {
        const all = new Map([...was, ...more].map((seen) => [seen.event.meta.seq, seen]))
        return [...all.values()].sort((a, b) => a.event.meta.seq - b.event.meta.seq).slice(-MOST)
      })
    const off = room.on('event', (event: RoomEvent<ProjectEventName>) =>
      add([{ event, late: event.meta.replayed ? null : Date.now() - Date.parse(event.meta.at) }]),
    )
    const end = untilLoaded(
      () => room.history({ last: BACKLOG }),
      (past) => add(past.map((event) => ({ event, late: null }))),
      complain,
    )
    return () => {
      off()
      end()
    }
  }, [room])
  return events
}

function Facts() {
  const status = useRoomValue((room) => room.status)
  const position = useRoomValue((room) => room.position)
  const present = useRoomValue((room) => room.presence)
  const names = [...present.values()].map(({ user }) => user).filter(({ id }) => id !== client.userId)
  return (
    <dl class="facts small">
      <dt>{words.state}</dt>
      <dd>
        <span class={`dot ${status}`} /> {texts.status.words[status]}
      </dd>
      <dt>{words.position}</dt>
      <dd data-position>{position?.seq ?? '–'}</dd>
      <dt>{words.epoch}</dt>
      <dd class="clip" title={position?.epoch}>
        {position?.epoch ?? '–'}
      </dd>
      <dt>{words.here}</dt>
      <dd>{names.length === 0 ? words.noOne : names.map(({ name }) => name).join(', ')}</dd>
    </dl>
  )
}

interface Replayed {
  after: number
  ms: number
  events: readonly Seen[]
}

function Replay({ onReplayed }: { onReplayed: (replayed: Replayed | null) => void }) {
  const room = useRoom()
  const [after, setAfter] = useState('0')
  const [busy, setBusy] = useState(false)
  const run = async () => {
    const { position } = room
    if (!position) return
    setBusy(true)
    const began = performance.now()
    try {
      const from = Math.min(Math.max(Math.trunc(Number(after)) || 0, 0), position.seq)
      const events = await replay(room.projectId, position.epoch, from, position.seq)
      const ms = Math.round(performance.now() - began)
      onReplayed({ after: from, ms, events: events.map((event) => ({ event, late: null })) })
    } catch (error) {
      complain(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        void run()
      }}
    >
      <label for="replay-from" class="small grow">
        {words.replayFrom}
      </label>
      <input
        id="replay-from"
        class="seq"
        inputMode="numeric"
        value={after}
        onInput={(event) => setAfter(event.currentTarget.value)}
      />
      <button type="submit" class="button tight" disabled={busy}>
        {busy ? words.replaying : words.replay}
      </button>
    </form>
  )
}

/** Ends the connection and brings it back, to see it resume. */
function Cut() {
  const room = useRoom()
  const status = useSelected(() => client.select((one) => one.status), [])
  const left = useRef<number | null>(null)
  useEffect(
    () =>
      room.on('status', (next) => {
        if (next !== 'live' || left.current === null) return
        toast(words.resumed((room.position?.seq ?? 0) - left.current))
        left.current = null
      }),
    [room],
  )
  return status === 'online' ? (
    <button
      type="button"
      class="button tight"
      onClick={() => {
        left.current = room.position?.seq ?? 0
        client.disconnect()
      }}
    >
      {words.cut}
    </button>
  ) : (
    <button type="button" class="button primary tight" onClick={() => void client.connect().catch(() => {})}>
      {words.comeBack}
    </button>
  )
}

/** A window on the room: its log as it comes, the connection, and what can be done to both. */
export function Inspector({ onClose }: { onClose: () => void }) {
  const room = useRoom()
  const events = useEvents(room)
  const [replayed, setReplayed] = useState<Replayed | null>(null)
  const [open, setOpen] = useState<number | null>(null)
  useKeys({ Escape: onClose })
  return (
    <aside class="drawer" aria-label={words.title}>
      <div class="row">
        <h2 class="grow">{words.title}</h2>
        <button type="button" class="icon-button" aria-label={texts.close} onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      <p class="quiet small">{words.about}</p>
      <Facts />
      <div class="row wrap">
        <Cut />
        {replayed && (
          <button type="button" class="button tight" onClick={() => setReplayed(null)}>
            {words.stopReplay}
          </button>
        )}
      </div>
      <Replay onReplayed={setReplayed} />
      {replayed && (
        <p class="note small" role="status">
          {words.replayed(replayed.events.length, replayed.ms)}. {words.replayOf(replayed.after)}
        </p>
      )}
      <Windowed
        key={replayed === null ? 'live' : 'replayed'}
        class="log"
        items={replayed?.events ?? events}
        keyOf={({ event }) => String(event.meta.seq)}
        estimate={ROW_HEIGHT}
        label={words.events}
        fromEnd={replayed === null}
        empty={<p class="quiet small">{words.empty}</p>}
        draw={(seen) => (
          <EventRow
            seen={seen}
            isOpen={open === seen.event.meta.seq}
            onToggle={() => setOpen(open === seen.event.meta.seq ? null : seen.event.meta.seq)}
          />
        )}
      />
    </aside>
  )
}
