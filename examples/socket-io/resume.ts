// A stock Socket.IO client that keeps the tasks of a project, and misses nothing. docs/clients.md has the rules, by the words in capitals.
import { io } from 'socket.io-client'

interface Meta {
  room: string
  seq: number
  epoch: string
}
interface Task {
  id: string
  title: string
  version: number
}
interface Change {
  name: string
  payload: Task & { taskId: string }
  meta: Meta
}
interface Page {
  seq: number
  epoch: string
  tasks: Task[]
  nextCursor: string | null
}

const { CUTROOM_URL: url = 'http://localhost:3000', EMAIL: email, PASSWORD: password, PROJECT: projectId } = process.env
if (!email || !password || !projectId) throw new Error('Set EMAIL, PASSWORD and PROJECT (an id)')
const wait = (ms: number) => new Promise((next) => setTimeout(next, ms))
const print = (line: object) => console.log(JSON.stringify(line))

function stop(problem?: unknown): never {
  print({ stop: problem ?? null })
  process.exit(1)
}

const post = (path: string, body: object) =>
  fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

// LOG IN. Tokens in the body; a refresh whose answer is lost is sent again as it was.
const login = await post('/api/auth/login', { email, password, delivery: 'body' })
if (!login.ok) stop(await login.json())
let { accessToken, refreshToken } = (await login.json()) as { accessToken: string; refreshToken: string }

async function refresh(): Promise<void> {
  for (;;) {
    const answer = await post('/api/auth/refresh', { refreshToken }).catch(() => null)
    if (answer?.ok) {
      ;({ accessToken, refreshToken } = await answer.json())
      return
    }
    if (answer?.status === 401) stop(await answer.json())
    await wait(Number(answer?.headers.get('retry-after') ?? 1) * 1000)
  }
}

// CONNECT. WebSockets only; `auth` is a function, so that each reconnect sends the newest token.
const socket = io(url, { transports: ['websocket'], auth: (give) => give({ token: accessToken }) })

const shown = new Map<string, Task>()
// how far this client has come
let position: { after: number; epoch: string } | undefined
// events that came while a snapshot was loaded; null: none is
let early: Change[] | null = null
let loads = 0

/** A row is replaced by a higher version only; a deletion always counts. */
function put(task: Task): void {
  const known = shown.get(task.id)
  if (known && known.version >= task.version) return
  shown.set(task.id, { ...known, ...task })
}
function apply({ name, payload, meta }: Change): void {
  if (name === 'task:deleted') shown.delete(payload.taskId)
  else if (name === 'task:moved') put({ ...payload, id: payload.taskId })
  else if (name.startsWith('task:') && 'id' in payload) put(payload)
  print({ seq: meta.seq, name, tasks: shown.size })
}

// LOAD A SNAPSHOT. All pages, then the events after the position of the first one.
async function load(): Promise<void> {
  const mine = ++loads
  early = []
  for (;;) {
    const pages = await loadPages().catch(() => null)
    if (mine !== loads) return
    if (!pages?.[0]) {
      await wait(1000)
      continue
    }
    const [{ seq }] = pages
    shown.clear()
    for (const page of pages) for (const task of page.tasks) put(task)
    print({ loaded: seq, tasks: shown.size })
    for (const change of early ?? []) if (change.meta.seq > seq) apply(change)
    early = null
    return
  }
}
/** @returns null when the log was cut or replaced between two pages (410), and when the token has run out: begin again */
async function loadPages(): Promise<Page[] | null> {
  const pages: Page[] = []
  for (let cursor: string | null = ''; cursor !== null; cursor = pages.at(-1)?.nextCursor ?? null) {
    const query = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`
    const headers = { authorization: `Bearer ${accessToken}` }
    const answer = await fetch(`${url}/api/projects/${projectId}/snapshot${query}`, { headers })
    if (answer.status === 401) await refresh()
    if (answer.status === 404) stop(await answer.json())
    if (!answer.ok) return null
    pages.push((await answer.json()) as Page)
  }
  return pages
}

// JOIN in each connection, from the position. The answer's head counts also when nothing has happened yet.
async function join(): Promise<void> {
  const answer = await socket.emitWithAck('join:project', { projectId, ...position })
  if (answer.ok) {
    position = { after: answer.head, epoch: answer.epoch }
    if (answer.mode !== 'resumed') void load()
  } else if (answer.error.retryAfter) setTimeout(() => socket.connected && join(), answer.error.retryAfter * 1000)
  else if (answer.error.code !== 'superseded') stop(answer.error)
}
socket.on('connect', () => void join().catch(() => {}))

// FRAMES with `meta` are events of the log.
socket.onAny((name: string, payload: Change['payload'], meta?: Meta) => {
  if (meta?.room !== `project:${projectId}`) return
  position = { after: meta.seq, epoch: meta.epoch }
  const change = { name, payload, meta }
  if (early) early.push(change)
  else apply(change)
})

// EXPIRY. A new token in time keeps the connection; the answers that stock reconnection does not heal are healed here.
socket.on('session:expiring', () => void refresh().then(() => socket.emit('session:refresh', { token: accessToken })))
socket.on('access:revoked', (revoked: { projectId: string }) => revoked.projectId === projectId && stop(revoked))
socket.on('disconnect', (reason) => reason === 'io server disconnect' && stop(reason))
socket.on('connect_error', async (error: Error & { data?: { code?: string; retryAfter?: number } }) => {
  // the transport failed: Socket.IO tries again
  if (socket.active) return
  if (error.data?.code === 'token-expired') await refresh()
  else if (error.data?.retryAfter) await wait(error.data.retryAfter * 1000)
  else stop(error.data)
  socket.connect()
})
