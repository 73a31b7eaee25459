// Feathers 5: Koa transport, Knex adapter on Postgres, Socket.IO channels, JWT.
// Configured well: tokens are stateless (no read of the user per request) and checked with a ready key, one query answers
// whether a person is a member, lists do not count, bodies are JSON only, and nothing is logged.
import { createSecretKey } from 'node:crypto'
import { AuthenticationService, authenticate, JWTStrategy } from '@feathersjs/authentication'
import { hooks, LocalStrategy } from '@feathersjs/authentication-local'
import { feathers } from '@feathersjs/feathers'
import { KnexService } from '@feathersjs/knex'
import { bodyParser, errorHandler, koa, rest } from '@feathersjs/koa'
import socketio from '@feathersjs/socketio'
import createKnex from 'knex'
import { channelOf, commentHooks, createStands, evict, memberHooks, projectHooks } from './hooks.js'

const knex = createKnex({
  client: 'pg',
  connection: process.env.DATABASE_URL,
  pool: { min: 2, max: Number(process.env.POOL_SIZE ?? 16) },
})
const app = koa(feathers())
app.set('knex', knex)
app.set('authentication', {
  secret: process.env.JWT_SECRET,
  service: 'users',
  entity: 'user',
  authStrategies: ['jwt', 'local'],
  parseStrategies: ['jwt'],
  jwtOptions: { header: { typ: 'access' }, audience: 'bench', issuer: 'bench', algorithm: 'HS256', expiresIn: '1d' },
  jwt: { entity: null },
  local: { usernameField: 'email', passwordField: 'password' },
})

app.use(errorHandler())
app.use(bodyParser({ multipart: false, urlencoded: false, text: false }))
app.configure(rest())
app.configure(socketio({ transports: ['websocket'], serveClient: false }))

const table = (name, options) => new KnexService({ Model: knex, name, ...options })
app.use('users', table('users'), { methods: ['find', 'get', 'create'] })
app.use('projects', table('projects'), { methods: ['create'] })
app.use('members', table('members'), { methods: ['find', 'get', 'remove'] })
app.use('comments', table('comments', { paginate: { max: 100 } }), { methods: ['find', 'create'] })
app.use('stands', createStands(app), { methods: ['create'] })

/** jsonwebtoken tries to read a secret that is text as a public key first, which costs more than all else of a request. */
class Authentication extends AuthenticationService {
  key = createSecretKey(process.env.JWT_SECRET, 'utf8')

  verifyAccessToken(token, options) {
    return super.verifyAccessToken(token, options, this.key)
  }
}
const authentication = new Authentication(app)
authentication.register('jwt', new JWTStrategy())
authentication.register('local', new LocalStrategy())
app.use('authentication', authentication)

const { hashPassword, protect } = hooks
app.service('users').hooks({
  before: { find: [authenticate('jwt')], get: [authenticate('jwt')], create: [hashPassword('password')] },
  after: { all: [protect('password')] },
})
app.service('projects').hooks(projectHooks)
app.service('members').hooks(memberHooks)
app.service('comments').hooks(commentHooks)
app.service('comments').publish('created', (comment) => app.channel(channelOf(comment.projectId)))
app.service('members').on('removed', (member) => evict(app, member))

const server = await app.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
if (!server.listening) await new Promise((done) => server.once('listening', done))
console.log(`listening on http://localhost:${server.address().port}`)

process.once('SIGTERM', async () => {
  app.io.close()
  server.closeAllConnections()
  await knex.destroy()
  process.exit(0)
})
