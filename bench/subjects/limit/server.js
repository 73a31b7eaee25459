// The least program that does Cutroom's durable work: the same rows in one transaction, the caller's membership checked in it,
// `seq` stamped inside COMMIT by the same trigger, then a bare broadcast. No schema, no idempotency, no catch-up.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import pg from 'pg'
import { Server } from 'socket.io'
import { uuidv7 } from 'uuidv7'

const { DATABASE_URL, JWT_SECRET = '', DATABASE_POOL = '16', PORT = '0' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(DATABASE_POOL), pipeline: true })

/** Tokens that were verified, until they expire. */
const verified = new Map()

function verify(token = '') {
  const known = verified.get(token)
  if (known) {
    if (known.exp * 1000 > Date.now()) return known
    verified.delete(token)
    throw new Error('expired')
  }
  const [head, body, signature] = token.split('.')
  const wanted = createHmac('sha256', JWT_SECRET).update(`${head}.${body}`).digest()
  const given = Buffer.from(signature ?? '', 'base64url')
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new Error('not ours')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  if (JSON.parse(Buffer.from(head, 'base64url').toString()).alg !== 'HS256' || claims.exp * 1000 < Date.now())
    throw new Error('expired')
  verified.set(token, claims)
  return claims
}

const member = {
  name: 'member',
  text: 'SELECT role FROM "Member" WHERE "projectId" = $1 AND "userId" = $2',
}
// Fails, and the whole transaction with it, where there is no such member who may write, or no such cut.
const mayWrite = {
  name: 'may-write',
  text: `SELECT 1 / count(*) FROM "Member" m JOIN "Cut" c ON c."projectId" = m."projectId"
    WHERE m."projectId" = $1 AND m."userId" = $2 AND m.role <> 'viewer' AND c.id = $3`,
}
const NOT_A_MEMBER = '22012'
const insertComment = {
  name: 'comment',
  text: `INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body, "atMs", "createdAt", "updatedAt")
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
}
const insertEvent = {
  name: 'event',
  text: `INSERT INTO "Event" (id, room, name, payload, "actorId", "actorName") VALUES ($1, $2, 'comment:created', $3, $4, $5)`,
}
const list = {
  name: 'list',
  text: `SELECT c.id, c."projectId", c."cutId", c.body, c."atMs", c."endMs", c."parentId", c."taskId", c."resolvedAt", c."editedAt",
      c.version, c."createdAt", c."updatedAt", u.id AS "authorId", u.name AS "authorName", u."avatarUrl"
    FROM "Comment" c JOIN "User" u ON u.id = c."authorId" WHERE c."cutId" = $1 AND c."projectId" = $2 ORDER BY c.id LIMIT 50`,
}

/** One round trip: all statements leave together, and Postgres answers them in their order. */
async function writeComment(me, projectId, cutId, { body, atMs = null }) {
  const id = uuidv7()
  const now = new Date().toISOString()
  const author = { id: me.sub, name: me.name, avatarUrl: null }
  const rest = { resolvedAt: null, resolvedBy: null, editedAt: null, version: 1, createdAt: now, updatedAt: now }
  const comment = { id, projectId, cutId, taskId: null, parentId: null, body, atMs, endMs: null, author, ...rest }
  const text = JSON.stringify(comment)
  const room = `project:${projectId}`
  const client = await pool.connect()
  try {
    const { stream } = client.connection
    stream.cork()
    const asked = [
      client.query('BEGIN'),
      client.query({ ...mayWrite, values: [projectId, me.sub, cutId] }),
      client.query({ ...insertComment, values: [id, projectId, cutId, me.sub, body, atMs, now] }),
      client.query({ ...insertEvent, values: [uuidv7(), room, text, me.sub, me.name] }),
      client.query('COMMIT'),
    ]
    stream.uncork()
    const answers = await Promise.allSettled(asked)
    const failed = answers.find(({ status }) => status === 'rejected')
    if (failed) throw failed.reason
  } finally {
    client.release()
  }
  io.to(room).emit('comment:created', comment)
  return text
}

async function listComments(me, projectId, cutId) {
  const [allowed, found] = await Promise.all([
    pool.query({ ...member, values: [projectId, me.sub] }),
    pool.query({ ...list, values: [cutId, projectId] }),
  ])
  if (allowed.rows.length === 0) return null
  const items = found.rows.map(({ authorId, authorName, avatarUrl, ...row }) => ({
    ...row,
    author: { id: authorId, name: authorName, avatarUrl },
    resolvedBy: null,
  }))
  return JSON.stringify({ items })
}

function readBody(request) {
  return new Promise((resolve, reject) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => resolve(text))
    request.on('error', reject)
  })
}

function answer(response, status, text) {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

const PATH = /^\/projects\/([0-9a-f-]{36})\/cuts\/([0-9a-f-]{36})\/comments$/
async function handle(request, response) {
  const path = PATH.exec(request.url)
  if (!path) return answer(response, 404, '{}')
  let me
  try {
    me = verify(request.headers.authorization?.slice('Bearer '.length))
  } catch {
    return answer(response, 401, '{}')
  }
  try {
    if (request.method === 'GET') {
      const text = await listComments(me, path[1], path[2])
      return answer(response, text === null ? 404 : 200, text ?? '{}')
    }
    answer(response, 201, await writeComment(me, path[1], path[2], JSON.parse(await readBody(request))))
  } catch (error) {
    if (error.code !== NOT_A_MEMBER) console.error(error)
    answer(response, error.code === NOT_A_MEMBER ? 404 : 500, '{}')
  }
}

const server = createServer(handle)
const io = new Server(server, { serveClient: false })
io.use((socket, next) => {
  try {
    socket.data = verify(socket.handshake.auth.token)
    next()
  } catch (error) {
    next(error)
  }
})
io.on('connection', (socket) => {
  socket.on('join:project', async ({ projectId }, reply) => {
    const { rows } = await pool.query({ ...member, values: [projectId, socket.data.sub] })
    if (rows.length > 0) await socket.join(`project:${projectId}`)
    reply({ ok: rows.length > 0 })
  })
})
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://localhost:${server.address().port}`))
process.on('SIGTERM', () => process.exit(0))
