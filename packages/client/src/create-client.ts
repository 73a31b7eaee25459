import type { Presence, User } from '@cutroom/contract'
import { onWake } from './browser.ts'
import type { LooseArgs } from './call.ts'
import type { ClientOptions, CutroomClient } from './client.ts'
import { compose } from './compose.ts'
import { auth, me } from './generated/contract.ts'
import { createNouns } from './nouns.ts'
import { pagesOf } from './pages.ts'
import { CutroomError, problemOf } from './problem.ts'
import type { Room, RoomOptions } from './room.ts'

type Parts = ReturnType<typeof compose>

/** Resolves when the connection is up, rejects when it is given up. */
function whenOnline({ emitter, status }: Parts): Promise<void> {
  return new Promise((resolve, reject) => {
    if (status() === 'online') return resolve()
    if (status() === 'offline') return reject(new CutroomError(problemOf('token-missing')))
    const off = emitter.on('status', (next, problem) => {
      if (next !== 'online' && next !== 'offline') return
      off()
      if (next === 'online') resolve()
      else reject(problem ? new CutroomError(problem) : new Error('The client was closed'))
    })
  })
}

function connect(parts: Parts): Promise<void> {
  const { api, closing, connection, cookies, login } = parts
  if (closing.signal.aborted) return Promise.reject(new Error('The client is closed'))
  login.want(true)
  // the cookie may be there, but it is not of a login that was made here
  if (cookies && api.session.current().out) connection.stop(problemOf('token-missing'))
  else connection.connect()
  const up = whenOnline(parts)
  // where it is not awaited, status and onSignedOut report failures
  up.catch(() => {})
  return up
}

/** Finds out who is logged in. A cookie that has run out is renewed. */
async function restore({ api, call, cookies, login }: Parts): Promise<User | null> {
  const { session } = api
  const current = session.current()
  try {
    await session.loading()
    if (current.out || (!cookies && !current.tokens)) return null
    let user: User | null
    if (cookies) {
      const answer = await call(auth.session)
      if (!answer.user && answer.refreshable) {
        await session.refresh(current)
        answer.user = (await call(auth.session)).user
      }
      user = answer.user
    } else user = await call(me.get)
    session.assertCurrent(current)
    if (user) login.restored(user)
    return user
  } catch (error) {
    if (error instanceof CutroomError && error.status === 401) return null
    throw error
  }
}

/**
 * A client of one Cutroom server, for one person at a time. Runs in browsers, in React Native and in Node 20.19 or later; stores
 * nothing.
 * @throws RangeError for a `url` that is none
 */
export function createClient(options: ClientOptions): CutroomClient {
  const parts = compose(options)
  const { account, api, call, closing, connection, cookies, emitter, login, person, selections } = parts
  const { session } = api
  const unwatch = onWake(() => {
    connection.nudge()
    person.check()
  })

  let isPaused = false

  const client: CutroomClient = {
    call,
    api: createNouns(call),
    pages: (endpoint, ...[args = {}]) => pagesOf(call, endpoint, args as LooseArgs),
    mutate: person.mutations.mutate,
    get mutations() {
      return person.mutations.all()
    },
    upload: person.uploads.upload,
    get uploads() {
      return person.uploads.all()
    },
    restore: () => restore(parts),
    get me() {
      return person.user()
    },
    select: selections.select,
    user: {
      get projects() {
        return person.projects.get()
      },
      select: (pick, same) => selections.select((client) => pick(client.user), same),
    },
    ...person.parts,
    connect() {
      isPaused = false
      return connect(parts)
    },
    disconnect() {
      isPaused = true
      login.want(false)
      connection.stop()
    },
    login: account.login,
    register: account.register,
    logout: account.logout,
    async refresh() {
      const current = session.current()
      await session.refresh(current)
      session.assertCurrent(current)
    },
    on: emitter.on,
    get tokens() {
      return cookies ? null : session.tokens()
    },
    get status() {
      return parts.status()
    },
    get userId() {
      return person.userId()
    },
    room<P extends Presence['state']>(projectId: string, roomOptions: RoomOptions = {}) {
      if (closing.signal.aborted) throw new Error('The client is closed')
      const { room, control, isNew } = person.rooms.get(projectId, roomOptions)
      if (!isNew) return room as unknown as Room<P>
      if (!isPaused) void connect(parts)
      if (parts.status() === 'online') control.connected()
      else if (parts.status() === 'offline') control.suspended(isPaused ? undefined : problemOf('token-missing'))
      return room as unknown as Room<P>
    },
    close() {
      closing.abort()
      login.want(false)
      person.stop()
      connection.close()
      unwatch()
      emitter.clear()
    },
  }
  parts.self.client = client
  return client
}
