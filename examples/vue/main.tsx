import { CutroomError, type Tokens, tasks } from '@cutroom/client'
import { provideCutroom, useClient, useConnection, useMe, useMutation, usePresence, useRoom, useSelect } from '@cutroom/vue'
import { createApp, defineComponent, ref, shallowRef } from 'vue'

const STORE = 'cutroom-tokens'
const columns = ['todo', 'doing', 'review', 'done'] as const
const url = document.querySelector<HTMLMetaElement>('meta[name=cutroom]')?.content ?? ''

/** The fields of a form, which is emptied. */
function take(event: Event): Record<string, string> {
  event.preventDefault()
  const form = event.target as HTMLFormElement
  const fields = Object.fromEntries(new FormData(form)) as Record<string, string>
  form.reset()
  return fields
}

const Board = defineComponent(
  (props: { projectId: string }) => {
    const room = useRoom(() => props.projectId)
    const board = useSelect(room, ({ state }) => columns.map((status) => ({ status, rows: state?.tasksIn(status) ?? [] })))
    const pending = useSelect(room, (room) => room.pending)
    const { people } = usePresence(room)
    const add = useMutation(tasks.create)
    const move = useMutation(tasks.move, {
      projectId: () => props.projectId,
      // shown at once; the event takes its place
      draw: ({ params, body }) => ({ name: 'task:moved', payload: { taskId: params.taskId, to: body.status } }),
    })
    const create = (event: Event) =>
      void add.mutate({ params: { projectId: props.projectId }, body: { title: take(event).text ?? '' } })
    const moveTo = (taskId: string, status: string) =>
      void move.mutate({ params: { taskId }, body: { status: status as (typeof columns)[number], after: null } })
    return () => (
      <>
        <output aria-label="Here">{[...people.value.values()].map(({ user }) => user.name).join(', ')}</output>
        {board.value?.map(({ status, rows }) => (
          <section key={status} aria-label={status}>
            <h2>{status}</h2>
            {rows.map((task) => (
              <p key={task.id} style={{ opacity: pending.value?.has(task.id) ? 0.5 : 1 }}>
                {task.title}{' '}
                <select
                  aria-label={`Column of ${task.title}`}
                  value={task.status}
                  onChange={(event: Event) => moveTo(task.id, (event.target as HTMLSelectElement).value)}
                >
                  {columns.map((column) => (
                    <option key={column}>{column}</option>
                  ))}
                </select>
              </p>
            ))}
          </section>
        ))}
        <form onSubmit={create}>
          <input name="text" aria-label="A task" required />
        </form>
        {(add.problem.value ?? move.problem.value) && <p role="alert">{(add.problem.value ?? move.problem.value)?.title}</p>}
      </>
    )
  },
  { props: ['projectId'] },
)

const Login = defineComponent(() => {
  const client = useClient()
  const problem = ref('')
  async function enter(event: Event) {
    const { name = '', email = '', password = '' } = take(event)
    try {
      await (name === '' ? client.login({ email, password }) : client.register({ name, email, password }))
    } catch (error) {
      problem.value = error instanceof CutroomError ? error.problem.title : 'The server does not answer'
    }
  }
  return () => (
    <form onSubmit={enter}>
      <input name="name" placeholder="Name, for a new account" autocomplete="name" />
      <input name="email" type="email" placeholder="E-mail" autocomplete="username" required />
      <input name="password" type="password" placeholder="Password" autocomplete="current-password" required />
      <button type="submit">Enter</button>
      <p role="alert">{problem.value}</p>
    </form>
  )
})

const Studio = defineComponent(() => {
  const client = useClient()
  const me = useMe()
  const connection = useConnection()
  const projects = useSelect(client.user, ({ projects }) => [...(projects?.values() ?? [])])
  const projectId = shallowRef<string>()
  const create = (event: Event) => void client.api.projects.create({ name: take(event).text ?? '' })
  return () => {
    if (me.value === undefined) return null
    if (me.value === null) return <Login />
    return (
      <>
        <p>
          {me.value.name} <output>{connection.value.problem?.title ?? connection.value.status}</output>{' '}
          <button type="button" onClick={() => void client.logout()}>
            Log out
          </button>
        </p>
        {projects.value.map(({ id, name }) => (
          <button
            key={id}
            type="button"
            onClick={() => {
              projectId.value = id
            }}
          >
            {name}
          </button>
        ))}
        <form onSubmit={create}>
          <input name="text" aria-label="A project" required />
        </form>
        {projectId.value && <Board projectId={projectId.value} />}
      </>
    )
  }
})

const App = defineComponent(() => {
  provideCutroom({
    options: {
      url,
      // all windows share the store, so it is read again before each refresh
      tokens: () => JSON.parse(localStorage.getItem(STORE) ?? 'null') as Tokens | null,
      onTokens: (tokens) => (tokens ? localStorage.setItem(STORE, JSON.stringify(tokens)) : localStorage.removeItem(STORE)),
    },
  })
  return () => <Studio />
})

createApp(App).mount('#app')
