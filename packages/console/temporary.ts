// TEMPORARY: the interface of the client's second version over the first, until that is merged. Deleted then.
import * as v1 from '../client/src/index.ts'

export * from '../client/src/index.ts'

declare module '../client/src/problem.ts' {
  interface CutroomError {
    at(pointer: string): { code: string; detail: string; pointer: string } | undefined
  }
}
Object.assign(v1.CutroomError.prototype, {
  at(this: v1.CutroomError, pointer: string) {
    return this.problem.errors?.find((one) => one.pointer === pointer)
  },
})

export interface Selected<T> {
  readonly value: T
  subscribe(listener: () => void): () => void
}
export interface Mutation {
  state: 'queued' | 'sending' | 'sent' | 'refused'
  problem?: v1.Problem
  retry(): void
  discard(): void
}
type Off = () => void
class Watch {
  listeners = new Set<() => void>()
  changed = () => {
    for (const listener of [...this.listeners]) listener()
  }
  select<S, T>(of: S, pick: (of: S) => T): Selected<T> {
    let last = pick(of)
    return {
      get value() {
        last = pick(of)
        return last
      },
      subscribe: (listener) => {
        const mine = () => {
          const before = last
          if (!Object.is(pick(of), before)) listener()
        }
        this.listeners.add(mine)
        return () => void this.listeners.delete(mine)
      },
    }
  }
}
export interface Room extends Omit<v1.Room, 'typing'> {
  select<T>(pick: (room: Room) => T): Selected<T>
  readonly typing: ReadonlyMap<string, readonly string[]>
  setTyping(targetId: string, isTyping: boolean): void
  readonly pending: ReadonlyMap<string, Mutation>
  history(options: { last: number }): Promise<v1.RoomEvent[]>
}
const NONE = new Map<string, never>()
const wraps = new WeakMap<v1.Room, Room>()
function wrap(client: v1.CutroomClient, room: v1.Room): Room {
  const known = wraps.get(room)
  if (known) return known
  const watch = new Watch()
  let state: v1.ProjectState | null = null
  const typing = new Map<string, string[]>()
  let shown: ReadonlyMap<string, readonly string[]> = new Map()
  const fresh = () => {
    const now = room.state as unknown as { fork?: () => v1.ProjectState } | null
    state = now?.fork ? now.fork() : (now as v1.ProjectState | null)
    watch.changed()
  }
  for (const name of ['status', 'change', 'presence', 'reset', 'revoked'] as const) room.on(name, fresh as never)
  room.on('typing', ({ targetId, userId, isTyping }) => {
    const others = (typing.get(targetId) ?? []).filter((id) => id !== userId)
    typing.set(targetId, isTyping ? [...others, userId] : others)
    shown = new Map(typing)
    watch.changed()
  })
  const own = {
    select: (pick: (room: Room) => unknown) => watch.select(made, pick),
    get state() {
      return state
    },
    get typing() {
      return shown
    },
    setTyping: (targetId: string, is: boolean) => room.typing(targetId, is),
    pending: NONE,
    async history({ last }: { last: number }) {
      const after = Math.max((room.position?.seq ?? 0) - last, 0)
      const { data } = await client.call(v1.rooms.events, { params: { projectId: room.projectId }, query: { after } })
      return data as unknown as v1.RoomEvent[]
    },
  }
  const made = new Proxy(room, {
    get: (_, name) => (name in own ? own[name as keyof typeof own] : Reflect.get(room, name)),
  }) as unknown as Room
  wraps.set(room, made)
  return made
}
type Me = v1.Answer<typeof v1.me.get>
export interface CutroomClient extends Omit<v1.CutroomClient, 'room'> {
  restore(): Promise<Me | null>
  readonly me: Me | null
  readonly mutations: readonly Mutation[]
  readonly user: {
    readonly projects: ReadonlyMap<string, v1.Project> | null
    select<T>(pick: (user: CutroomClient['user']) => T): Selected<T>
  }
  select<T>(pick: (client: CutroomClient) => T): Selected<T>
  room(id: string, options?: v1.RoomOptions): Room
  disconnect(): void
  mutate<E extends v1.Endpoint>(
    endpoint: E,
    args: v1.CallArgs<E>,
    options?: {
      projectId?: string
      keep?: boolean
      draw?: Draw | ((it: { id: string; at: string; me: v1.Person }) => Draw)
    },
  ): Promise<v1.Answer<E>>
}
type Draw = { [N in v1.ProjectEventName]: { name: N; payload: v1.Payload<N> } }[v1.ProjectEventName]
export function createClient(
  options: v1.ClientOptions & { mutationStore?: { load(): string | null; save(text: string | null): unknown } },
): CutroomClient {
  const watch = new Watch()
  const users = new Watch()
  let me: Me | null = null
  let projects: Map<string, v1.Project> | null = null
  const set = (next: Me | null) => {
    me = next
    watch.changed()
    return next as Me
  }
  const client = v1.createClient({
    ...options,
    onSignedOut(problem) {
      set(null)
      options.onSignedOut?.(problem)
    },
  })
  client.on('status', watch.changed)
  async function load() {
    const { data } = await client.call(v1.projects.list, { query: { limit: 200 } })
    projects = new Map(data.map((one) => [one.id, one]))
    users.changed()
  }
  for (const name of ['project:joined', 'project:created', 'project:left'] as const) client.on(name, () => void load())
  const user = {
    get projects() {
      if (!projects) void load()
      return projects
    },
    select: (pick: (of: CutroomClient['user']) => unknown) => users.select(user, pick as never),
  } as CutroomClient['user']
  const own = {
    get me() {
      return me
    },
    mutations: [],
    user,
    select: (pick: (of: CutroomClient) => unknown) => watch.select(made, pick),
    restore: async () => {
      const found = await client.call(v1.auth.session)
      if (found.user) return set(found.user)
      if (!found.refreshable) return null
      await client.refresh()
      return set(await client.call(v1.me.get))
    },
    login: async (body: never) => set(await client.login(body)),
    register: async (body: never) => set(await client.register(body)),
    logout: async () => {
      await client.logout()
      projects = null
      set(null)
    },
    room: (id: string, of?: v1.RoomOptions) => wrap(client, client.room(id, of)),
    mutate: (endpoint: v1.Endpoint, args: never) => client.call(endpoint as never, args as never),
    disconnect() {},
  }
  const made = new Proxy(client, {
    get: (_, name) => (name in own ? own[name as keyof typeof own] : Reflect.get(client, name)),
  }) as unknown as CutroomClient
  return made
}
export function placeAfter(list: readonly { id: string; rank: string }[], id: string, index: number) {
  const others = list.filter((one) => one.id !== id)
  return { after: others[index - 1]?.id ?? null, rank: '' }
}
export type Unused = Off
