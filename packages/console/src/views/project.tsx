import type { Room } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { whenIdle } from '../lib/idle.ts'
import { useKeys } from '../lib/keys.ts'
import { lazy, loadAhead } from '../lib/lazy.tsx'
import { RoomContext, useRoom, useRoomValue } from '../lib/room.ts'
import type { Route } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { noteVisit } from '../lib/visits.ts'
import { Face } from '../parts/face.tsx'
import { InspectIcon } from '../parts/icons.tsx'
import { StatusBar } from '../parts/status-bar.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { texts } from '../texts.ts'
import { Frame } from './frame.tsx'
import { NotFound } from './not-found.tsx'

type At = Extract<Route, { projectId: string }>

const Board = lazy(() => import('./board.tsx').then(({ Board }) => Board))
const Cuts = lazy(() => import('./cuts.tsx').then(({ Cuts }) => Cuts))
const CutView = lazy(() => import('./cut.tsx').then(({ CutView }) => CutView))
const ActivityView = lazy(() => import('./activity.tsx').then(({ ActivityView }) => ActivityView))
const Members = lazy(() => import('./members.tsx').then(({ Members }) => Members))
const Settings = lazy(() => import('./settings.tsx').then(({ Settings }) => Settings))
const Inspector = lazy(() => import('./inspector.tsx').then(({ Inspector }) => Inspector), null)

const FACES = 6

/** Who is here, with a ring around those who write. */
function Here() {
  const presence = useRoomValue((room) => room.presence)
  const typing = useRoomValue((room) => room.typing)
  const writing = new Set([...typing.values()].flat())
  const people = [...presence.values()].map(({ user }) => user).filter(({ id }) => id !== client.userId)
  if (people.length === 0) return null
  return (
    <div class="faces" role="img" aria-label={texts.frame.here(people.map(({ name }) => name).join(', '))}>
      {people.slice(0, FACES).map((person) => (
        <Face key={person.id} person={person} typing={writing.has(person.id)} />
      ))}
      {people.length > FACES && <span class="face">+{people.length - FACES}</span>}
    </div>
  )
}

function PlaceOf({ at }: { at: At }) {
  if (at.name === 'cuts') return <Cuts vibeId={at.query.get('vibe')} />
  if (at.name === 'cut') return <CutView key={at.cutId} cutId={at.cutId} query={at.query} />
  if (at.name === 'activity') return <ActivityView query={at.query} projectId={at.projectId} />
  if (at.name === 'members') return <Members />
  if (at.name === 'settings') return <Settings />
  return <Board taskId={at.query.get('task')} commentId={at.query.get('comment')} />
}

/** Why there is nothing to show, or what is being waited for. */
function Content({ at, gone }: { at: At; gone: string | null }) {
  const has = useRoomValue((room) => room.state !== null)
  const status = useRoomValue((room) => room.status)
  const code = useRoomValue((room) => room.problem?.code)
  const words = texts.status.removed
  if (gone !== null || code === 'not-found' || code === 'forbidden')
    return <NotFound title={gone === null ? texts.notFound.title : words.title} text={gone ?? words.unknown} />
  if (has) return <PlaceOf at={at} />
  return <Waiting reason={status === 'syncing' ? texts.status.waits.syncing : texts.status.waits.connecting} />
}

/** Says what others do that is not otherwise noticed by ear. */
function useSpokenEvents(room: Room): void {
  useEffect(
    () =>
      room.on('event', ({ name, payload, meta }) => {
        if (meta.actor === null || meta.actor.id === client.userId || meta.replayed) return
        if (name === 'task:moved') {
          const title = room.state?.tasks.get(payload.taskId)?.title ?? ''
          announce(texts.board.movedBy(meta.actor.name, title, texts.board.columns[payload.to]))
        } else if (name === 'comment:created' || name === 'comment:reply') announce(texts.frame.commented(meta.actor.name))
      }),
    [room],
  )
}

/** When the project is left, or the page, what was shown has been seen. */
function useVisit(room: Room): void {
  useEffect(() => {
    const note = () => noteVisit(room)
    addEventListener('pagehide', note)
    return () => {
      removeEventListener('pagehide', note)
      note()
    }
  }, [room])
}

/** Once nothing is waited for, the other views are loaded: without the network they are there. */
function useLoadAhead(): void {
  const isLive = useRoomValue(({ status }) => status === 'live')
  useEffect(() => {
    const { connection } = navigator as { connection?: { saveData?: boolean } }
    if (isLive && !connection?.saveData) return whenIdle(() => void loadAhead().catch(() => {}))
  }, [isLive])
}

function Opened({ at, gone }: { at: At; gone: string | null }) {
  const room = useRoom()
  const [isInspecting, setInspecting] = useState(false)
  const name = useRoomValue((room) => room.state?.project.name ?? texts.loading)
  useSpokenEvents(room)
  useVisit(room)
  useLoadAhead()
  const toggle = () => setInspecting((is) => !is)
  useKeys({ i: toggle })
  return (
    <Frame
      title={gone === null ? name : texts.status.removed.title}
      projectId={at.projectId}
      fixed={gone === null && (at.name === 'board' || at.name === 'cut')}
      bar={gone === null && <StatusBar />}
      top={
        <>
          <Here />
          <button
            type="button"
            class="icon-button"
            aria-label={texts.frame.inspector}
            aria-expanded={isInspecting}
            onClick={toggle}
          >
            <InspectIcon />
          </button>
        </>
      }
      drawer={isInspecting && <Inspector onClose={() => setInspecting(false)} />}
    >
      <Content at={at} gone={gone} />
    </Frame>
  )
}

/** A project: its room is joined while this is shown. */
export function ProjectView({ at }: { at: At }) {
  const { projectId } = at
  const [room, setRoom] = useState<Room | null>(null)
  const [gone, setGone] = useState<string | null>(null)
  useEffect(() => {
    const made = client.room(projectId)
    setRoom(made)
    const ends = [
      made.on('revoked', (reason) => setGone(texts.status.removed[reason])),
      made.on('status', (status) => {
        if (status === 'live') setGone(null)
      }),
    ]
    return () => {
      for (const end of ends) end()
      made.leave()
    }
  }, [projectId])
  if (!room)
    return (
      <Frame title={texts.loading} projectId={projectId}>
        <Waiting />
      </Frame>
    )
  return (
    <RoomContext.Provider value={room}>
      <Opened at={at} gone={gone} />
    </RoomContext.Provider>
  )
}
