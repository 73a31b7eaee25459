import { type CutroomClient, CutroomError, createClient, type Room, type Tokens, tasks } from '@cutroom/client'

const STORE = 'cutroom-tokens'
const find = <T extends HTMLElement = HTMLElement>(selector: string): T => {
  const found = document.querySelector<T>(selector)
  if (!found) throw new Error(`The page has no ${selector}`)
  return found
}
const url = find<HTMLMetaElement>('meta[name=cutroom]').content

// Tokens and not cookies: a page on another site gets none. All windows share the store, so it is read again before each refresh.
const client: CutroomClient = createClient({
  url,
  tokens: () => JSON.parse(localStorage.getItem(STORE) ?? 'null') as Tokens | null,
  onTokens: (tokens) => (tokens ? localStorage.setItem(STORE, JSON.stringify(tokens)) : localStorage.removeItem(STORE)),
  onSignedOut: (problem) => tell(problem.title),
})

const projects = client.user.select(({ projects }) => [...(projects?.values() ?? [])])
const person = client.select(({ me }) => me)
let room: Room | undefined
let stopDrawing = () => {}

const tell = (text: string) => {
  find('#problem').textContent = text
}
/** Says what went wrong, instead of throwing it. */
const told = (work: Promise<unknown>) => {
  tell('')
  work.catch((error) =>
    tell(error instanceof CutroomError ? (error.problem.detail ?? error.problem.title) : 'The server does not answer'),
  )
}

function drawTasks(): void {
  find('#status').textContent = room?.status ?? client.status
  const rows = [...(room?.state?.tasks.values() ?? [])].map((task) => {
    const item = document.createElement('li')
    item.textContent = task.title
    item.style.opacity = room?.pending.has(task.id) ? '0.5' : '1'
    return item
  })
  find('#tasks').replaceChildren(...rows)
}

/** Joins the room of the chosen project, and leaves the one before. */
function open(projectId: string): void {
  stopDrawing()
  room?.leave()
  room = projectId === '' ? undefined : client.room(projectId)
  stopDrawing = room?.select(({ state, status, pending }) => ({ state, status, pending })).subscribe(drawTasks) ?? stopDrawing
  drawTasks()
}

function drawProjects(): void {
  const menu = find<HTMLSelectElement>('#projects')
  const { value } = menu
  menu.replaceChildren(...projects.value.map(({ id, name }) => new Option(name, id)), new Option('New project …', ''))
  menu.value = projects.value.some(({ id }) => id === value) ? value : (projects.value[0]?.id ?? '')
  if (menu.value !== (room?.projectId ?? '')) open(menu.value)
}

function drawPerson(): void {
  find('#login').hidden = person.value !== null
  find('#app').hidden = person.value === null
  find('#me').textContent = person.value?.name ?? ''
  if (person.value) void client.connect()
  else open('')
  drawProjects()
}

async function enter({ name = '', email = '', password = '' }: Record<string, string>): Promise<void> {
  if (name === '') await client.login({ email, password })
  else await client.register({ name, email, password })
}

async function add(title: string): Promise<void> {
  if (room) await client.mutate(tasks.create, { params: { projectId: room.projectId }, body: { title } })
  else await client.api.projects.create({ name: title })
}

/** Calls `send` with the fields of a form, which it empties. */
function onSubmit(selector: string, send: (fields: Record<string, string>) => Promise<unknown>): void {
  const form = find<HTMLFormElement>(selector)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    told(send(Object.fromEntries(new FormData(form)) as Record<string, string>))
    form.reset()
  })
}

projects.subscribe(drawProjects)
person.subscribe(drawPerson)
onSubmit('#login', enter)
onSubmit('#add', ({ title = '' }) => add(title))
find('#projects').addEventListener('change', () => open(find<HTMLSelectElement>('#projects').value))
find('#logout').addEventListener('click', () => told(client.logout()))
told(client.restore().then(drawPerson))
