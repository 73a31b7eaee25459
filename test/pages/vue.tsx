/** @jsxImportSource vue */
import { tasks } from '@cutroom/client'
import {
  provideCutroom,
  useClient,
  useConnection,
  useMe,
  useMutation,
  usePresence,
  useRoom,
  useSelect,
  useTyping,
  useUpload,
} from '@cutroom/vue'
import { createApp, defineComponent, onErrorCaptured, onUnmounted, shallowRef, watch } from 'vue'
import type { Shown } from '../react/driver.ts'
import { client, drawn, drive, given, options, seen, submitted, unmounted } from './given.ts'

const names = (list: readonly { id: string }[]) => list.map(({ id }) => id).join()
const boards = shallowRef<Shown[]>([])

const Adder = defineComponent(
  (props: { title: string | undefined; add: (title: string) => unknown }) => {
    watch(
      () => props.title,
      (title) => title && props.add(title),
      { flush: 'post' },
    )
    return () => null
  },
  { props: ['title', 'add'] },
)

const Board = defineComponent(
  (props: { board: Shown }) => {
    const room = useRoom<{ view: string }>(
      () => props.board.projectId,
      () => {
        const { comments } = props.board
        return { ...(comments === undefined ? {} : { comments }) }
      },
    )
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
    const { typing, setTyping } = useTyping(room, () => props.board.targetId ?? given.targetId)
    const { mutate, pending, problem } = useMutation(tasks.create, {
      projectId: () => props.board.projectId,
      draw: ({ body }) => ({ name: 'task:created', payload: { status: 'todo', title: body.title } }),
    })
    const { upload, status: sent } = useUpload()
    watch(
      room,
      (room) => {
        if (room) seen(room)
        show({ view: 'board' })
      },
      { immediate: true },
    )
    onUnmounted(unmounted)
    const addTask = (title: string) => mutate({ params: { projectId: props.board.projectId }, body: { title } })
    function add(event: Event) {
      void addTask(submitted(event))
      setTyping(false)
    }
    return () => {
      drawn()
      return (
        <section data-project={props.board.projectId} data-status={status.value}>
          <ul>
            {todo.value?.map(({ id, title }) => (
              <li key={id} data-drawn={String(drawnRows.value?.has(id))}>
                {title}
              </li>
            ))}
          </ul>
          <Adder title={props.board.adds} add={addTask} />
          <p data-show="comments">{kept.value}</p>
          <p data-show="done">{same.value?.length}</p>
          <p data-show="people">
            {[...people.value.values()].map(({ user, state }) => `${user.name} ${state?.view ?? '?'}`).join()}
          </p>
          <p data-show="typing">{typing.value.join()}</p>
          <p data-show="pending">{pending.value ? 'pending' : 'idle'}</p>
          <p data-show="problem">{problem.value?.code}</p>
          <p data-show="upload">
            {sent.value &&
              `${sent.value.state} ${sent.value.sentBytes} ${sent.value.problem?.code ?? sent.value.file?.name ?? ''}`}
          </p>
          <input
            type="file"
            aria-label="File"
            onInput={(event: Event) => {
              const { files } = event.currentTarget as HTMLInputElement
              if (files?.[0]) upload({ cutId: given.targetId, file: files[0] })
            }}
          />
          <form onSubmit={add}>
            <input onInput={() => setTyping(true)} aria-label="Title" />
          </form>
        </section>
      )
    }
  },
  { props: ['board'] },
)

/** Shows the error of what is in it. */
const Boundary = defineComponent((_, { slots }) => {
  const error = shallowRef<Error>()
  onErrorCaptured((caught) => {
    error.value = caught
    return false
  })
  return () => (error.value ? <p data-show="error">{error.value.message}</p> : slots.default?.())
})

const App = defineComponent(() => {
  const me = useMe()
  const connection = useConnection()
  const projects = useSelect(useClient().user, ({ projects }) => projects?.size)
  return () => (
    <>
      <p id="me">{me.value === undefined ? 'unknown' : me.value === null ? 'nobody' : me.value.name}</p>
      <p id="connection">{`${connection.value.status} ${connection.value.problem?.code ?? ''}`}</p>
      <p id="projects">{projects.value}</p>
      {boards.value.map((board, n) => (
        <Boundary key={n}>{() => <Board key={board.name} board={board} />}</Boundary>
      ))}
    </>
  )
})

const Page = defineComponent(() => {
  provideCutroom(client ? { client } : { options })
  return () => <App />
})

const app = createApp(Page)
drive(
  (shown) => {
    boards.value = shown
  },
  () => app.unmount(),
)
app.mount('#root')
