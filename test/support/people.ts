import { randomUUID } from 'node:crypto'
import type { Project, Role } from '@cutroom/contract'
import type { TestApp } from './app.ts'

/** What an HTTP call answered. */
export interface Answer<T = unknown> {
  status: number
  headers: Headers
  body: T
}

export interface Person {
  id: string
  email: string
  name: string
  token: string
  refreshToken: string
  /** A JSON request as this person; never throws for a status. */
  call<T = unknown>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>
  /** As `call`, and fails unless the answer is 2xx. */
  must<T = unknown>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T>
}

/** One JSON request; `token` may be anything a test wants to try. */
export async function request<T = unknown>(
  url: string,
  method: string,
  path: string,
  options: { body?: unknown; form?: FormData; token?: string | undefined; headers?: Record<string, string> } = {},
): Promise<Answer<T>> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
      ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    ...(options.form && { body: options.form }),
  })
  const text = await response.text()
  // Bytes of a file are no JSON.
  const isJson = text !== '' && /\bjson\b/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : undefined) as T }
}

export const PASSWORD = 'correct horse battery'

interface Login {
  user: { id: string; email: string; name: string }
  accessToken: string
  refreshToken: string
}

function speakFor(url: string, login: Login): Person {
  const call: Person['call'] = (method, path, body, headers = {}) =>
    request(url, method, path, { body, token: login.accessToken, headers })
  return {
    ...login.user,
    token: login.accessToken,
    refreshToken: login.refreshToken,
    call,
    async must(method, path, body, headers) {
      const answer = await call(method, path, body, headers)
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
      return answer.body as never
    },
  }
}

/** A new account, logged in with bearer tokens. */
export async function register({ url }: Pick<TestApp, 'url'>, name = 'Ann'): Promise<Person> {
  const body = {
    email: `${name.toLowerCase().replace(/\W/g, '')}-${randomUUID()}@example.com`,
    password: PASSWORD,
    name,
    delivery: 'body',
  }
  const answer = await request<Login>(url, 'POST', '/api/auth/register', { body })
  if (answer.status !== 201) throw new Error(`register: ${answer.status} ${JSON.stringify(answer.body)}`)
  return speakFor(url, answer.body)
}

/** Another session of an account. */
export async function login({ url }: Pick<TestApp, 'url'>, person: Pick<Person, 'email'>, password = PASSWORD): Promise<Person> {
  const answer = await request<Login>(url, 'POST', '/api/auth/login', {
    body: { email: person.email, password, delivery: 'body' },
  })
  if (answer.status !== 200) throw new Error(`login: ${answer.status} ${JSON.stringify(answer.body)}`)
  return speakFor(url, answer.body)
}

export const createProject = (owner: Person, name = 'Album'): Promise<Project> => owner.must('POST', '/api/projects', { name })

export const addMember = (owner: Person, projectId: string, person: Person, role: Role = 'editor') =>
  owner.must('POST', `/api/projects/${projectId}/members`, { userId: person.id, role })

/** A project with an owner and, by role, one member of each that is named. */
export async function createTeam<R extends Exclude<Role, 'owner'>>(app: Pick<TestApp, 'url'>, ...roles: R[]) {
  const owner = await register(app, 'Olga Owner')
  const project = await createProject(owner)
  const people = { owner } as Record<R | 'owner', Person>
  for (const role of roles) {
    people[role] = await register(app, `Mo ${role}`)
    await addMember(owner, project.id, people[role], role)
  }
  return { project, ...people }
}

/** A vibe with one cut in it, for tests that need something to write about. */
export async function createCut(person: Person, projectId: string) {
  const vibe = await person.must<{ id: string }>('POST', `/api/projects/${projectId}/vibes`, { name: 'Verse ideas' })
  const cut = await person.must<{ id: string; name: string }>('POST', `/api/vibes/${vibe.id}/cuts`, { name: 'Take 1' })
  return { vibe, cut }
}
