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
import { createApp, defineComponent, shallowRef, watch } from 'vue'
import { client, drawn, drive, given, options, seen, submitted } from './given.ts'

const names = (list: readonly { id: string }[]) => list.map(({ id }) => id).join()
const projectIds = shallowRef<string[]>([])

const Board = defineComponent(
  (props: { projectId: string }) => {
    const room = useRoom<{ view: string }>(() => props.projectId)
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
    const { typing, setTyping } = useTyping(room, given.targetId)
    const { mutate, pending, problem } = useMutation(tasks.create, {
      projectId: () => props.projectId,
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
    function add(event: Event) {
      const title = submitted(event)
      void mutate({ params: { projectId: props.projectId }, body: { title } })
      setTyping(false)
    }
    return () => {
      drawn()
      return (
        <section data-project={props.projectId} data-status={status.value}>
          <ul>
            {todo.value?.map(({ id, title }) => (
              <li key={id} data-drawn={String(drawnRows.value?.has(id))}>
                {title}
              </li>
            ))}
          </ul>
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
  { props: ['projectId'] },
)

const App = defineComponent(() => {
  const me = useMe()
  const connection = useConnection()
  const projects = useSelect(useClient().user, ({ projects }) => projects?.size)
  return () => (
    <>
      <p id="me">{me.value === undefined ? 'unknown' : me.value === null ? 'nobody' : me.value.name}</p>
      <p id="connection">{`${connection.value.status} ${connection.value.problem?.code ?? ''}`}</p>
      <p id="projects">{projects.value}</p>
      {projectIds.value.map((projectId, n) => (
        <Board key={n} projectId={projectId} />
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
  (ids) => {
    projectIds.value = ids
  },
  () => app.unmount(),
)
app.mount('#root')
