import { CutroomError } from '@cutroom/client'
import { useClient, useConnection, useMe, useSelect } from '@cutroom/react'
import { type FormEvent, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { ProjectPage, take } from './project.tsx'
import { ProjectRoom, SocketProvider } from './socket-context.tsx'

function Login() {
  const client = useClient()
  const [problem, setProblem] = useState('')
  async function enter(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const { name, ...login } = Object.fromEntries(new FormData(event.currentTarget)) as Record<
      'name' | 'email' | 'password',
      string
    >
    try {
      await (name === '' ? client.login(login) : client.register({ name, ...login }))
    } catch (error) {
      setProblem(error instanceof CutroomError ? error.problem.title : 'The server does not answer')
    }
  }
  return (
    <form onSubmit={enter}>
      <input name="name" placeholder="Name, for a new account" autoComplete="name" />
      <input name="email" type="email" placeholder="E-mail" autoComplete="username" required />
      <input name="password" type="password" placeholder="Password" autoComplete="current-password" required />
      <button type="submit">Enter</button>
      {problem && <p role="alert">{problem}</p>}
    </form>
  )
}

function Projects() {
  const client = useClient()
  const projects = useSelect(client.user, ({ projects }) => projects)
  const [projectId, setProjectId] = useState<string>()
  return (
    <>
      <nav>
        {[...(projects?.values() ?? [])].map(({ id, name }) => (
          <button key={id} type="button" onClick={() => setProjectId(id)}>
            {name}
          </button>
        ))}
        <form onSubmit={(event) => void client.api.projects.create({ name: take(event) })}>
          <input name="text" aria-label="A project" required />
        </form>
      </nav>
      {projectId && projects?.has(projectId) && (
        <ProjectRoom key={projectId} projectId={projectId}>
          <ProjectPage projectId={projectId} />
        </ProjectRoom>
      )}
    </>
  )
}

function App() {
  const client = useClient()
  const me = useMe()
  const { status, problem } = useConnection()
  if (me === undefined) return null
  if (me === null) return <Login />
  return (
    <>
      <p>
        {me.name} <output>{problem?.title ?? status}</output>{' '}
        <button type="button" onClick={() => void client.logout()}>
          Log out
        </button>
      </p>
      <Projects />
    </>
  )
}

createRoot(document.getElementById('app') as HTMLElement).render(
  <StrictMode>
    <SocketProvider>
      <App />
    </SocketProvider>
  </StrictMode>,
)
