import { onWake } from './browser.ts'
import type { ClientOptions, CutroomClient } from './client.ts'
import { compose } from './compose.ts'
import { CutroomError, problemOf } from './problem.ts'

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

/**
 * A client of one Cutroom server, for one person at a time. Runs in browsers, in React Native and in Node 20.19 or later; stores
 * nothing.
 * @throws RangeError for a `url` that is none
 */
export function createClient(options: ClientOptions): CutroomClient {
  const parts = compose(options)
  const { account, api, closing, connection, cookies, emitter, login, person } = parts
  const { session } = api
  const unwatch = onWake(() => {
    connection.nudge()
    person.check()
  })

  return {
    call: api.call,
    connect: () => connect(parts),
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
    room(projectId, roomOptions = {}) {
      if (closing.signal.aborted) throw new Error('The client is closed')
      const { room, control, isNew } = person.rooms.get(projectId, roomOptions)
      if (!isNew) return room
      void connect(parts)
      if (parts.status() === 'online') control.connected()
      else if (parts.status() === 'offline') control.suspended(problemOf('token-missing'))
      return room
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
}
