import { tasks } from '@cutroom/client'
import {
  CutroomProvider,
  useClient,
  useConnection,
  useMe,
  useMutation,
  usePresence,
  useRoom,
  useSelect,
  useTyping,
  useUpload,
} from '@cutroom/react'
import { Component, type ReactNode, StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import type { Shown } from '../react/driver.ts'
import { client, drawn, drive, given, options, seen, submitted, unmounted } from './given.ts'

const names = (list: readonly { id: string }[]) => list.map(({ id }) => id).join()

function Adder({ title, add }: { title: string | undefined; add: (title: string) => unknown }) {
  useEffect(() => {
    if (title) add(title)
  }, [title])
  return null
}

function Board({ board: { projectId, comments, targetId = given.targetId, adds } }: { board: Shown }) {
  const room = useRoom<{ view: string }>(projectId, { ...(comments === undefined ? {} : { comments }) })
  const kept = useSelect(room, (room) => room.state?.comments.size)
  const status = useSelect(room, (room) => room.status)
  // another list with each call, on purpose
  const todo = useSelect(room, (room) => [...(room.state?.tasksIn('todo') ?? [])])
  const same = useSelect(
    room,
    (room) => [...(room.state?.tasksIn('done') ?? [])],
    (a, b) => names(a) === names(b),
  )
  const drawnRows = useSelect(room, (room) => room.pending)
  const { people, show } = usePresence(room)
  const { typing, setTyping } = useTyping(room, targetId)
  const { mutate, pending, problem } = useMutation(tasks.create, {
    projectId,
    draw: ({ body }) => ({ name: 'task:created', payload: { status: 'todo', title: body.title } }),
  })
  const { upload, status: sent } = useUpload()
  useEffect(() => {
    if (room) seen(room)
    show({ view: 'board' })
  }, [room, show])
  useEffect(() => unmounted, [])
  drawn()
  return (
    <section data-project={projectId} data-status={status}>
      <ul>
        {todo?.map(({ id, title }) => (
          <li key={id} data-drawn={drawnRows?.has(id)}>
            {title}
          </li>
        ))}
      </ul>
      <Adder title={adds} add={(title) => mutate({ params: { projectId }, body: { title } })} />
      <p data-show="comments">{kept}</p>
      <p data-show="done">{same?.length}</p>
      <p data-show="people">{[...people.values()].map(({ user, state }) => `${user.name} ${state?.view ?? '?'}`).join()}</p>
      <p data-show="typing">{typing.join()}</p>
      <p data-show="pending">{pending ? 'pending' : 'idle'}</p>
      <p data-show="problem">{problem?.code}</p>
      <p data-show="upload">{sent && `${sent.state} ${sent.sentBytes} ${sent.problem?.code ?? sent.file?.name ?? ''}`}</p>
      <input
        type="file"
        aria-label="File"
        onInput={({ currentTarget: { files } }) => {
          if (files?.[0]) upload({ cutId: given.targetId, file: files[0] })
        }}
      />
      <form
        onSubmit={(event) => {
          const title = submitted(event.nativeEvent ?? (event as unknown as Event))
          void mutate({ params: { projectId }, body: { title } })
          setTyping(false)
        }}
      >
        <input onInput={() => setTyping(true)} aria-label="Title" />
      </form>
    </section>
  )
}

/** Shows the error of what is in it. */
class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {}
  static getDerivedStateFromError = (error: Error) => ({ error })
  override render() {
    return this.state.error ? <p data-show="error">{this.state.error.message}</p> : this.props.children
  }
}

function App({ boards }: { boards: Shown[] }) {
  const me = useMe()
  const { status, problem } = useConnection()
  const projects = useSelect(useClient().user, ({ projects }) => projects?.size)
  return (
    <>
      <p id="me">{me === undefined ? 'unknown' : me === null ? 'nobody' : me.name}</p>
      <p id="connection">{`${status} ${problem?.code ?? ''}`}</p>
      <p id="projects">{projects}</p>
      {boards.map((board, n) => (
        // two boards may be of one project
        <Boundary key={n}>
          <Board key={board.name} board={board} />
        </Boundary>
      ))}
    </>
  )
}

function Page() {
  const [boards, show] = useState<Shown[]>([])
  useEffect(() => drive(show, () => root.unmount()), [])
  const from = client ? { client } : { options: { ...options } }
  return (
    <CutroomProvider {...from}>
      <App boards={boards} />
    </CutroomProvider>
  )
}

const root = createRoot(document.getElementById('root') as HTMLElement)
root.render(
  <StrictMode>
    <Page />
  </StrictMode>,
)
