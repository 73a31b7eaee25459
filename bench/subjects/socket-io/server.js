// Bare Socket.IO: a token at the handshake, rooms, and a broadcast on command. No database, no log, no membership.
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const { JWT_SECRET = '', PORT = '0' } = process.env

function verify(token = '') {
  const [head, body, signature] = token.split('.')
  const wanted = createHmac('sha256', JWT_SECRET).update(`${head}.${body}`).digest()
  const given = Buffer.from(signature ?? '', 'base64url')
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new Error('not ours')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  if (claims.exp * 1000 < Date.now()) throw new Error('expired')
  return claims
}

const PATH = /^\/rooms\/([0-9a-f-]{36})\/comments$/
function broadcast(request, response, text) {
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  }
  const projectId = PATH.exec(request.url)?.[1]
  if (projectId === undefined) return answer(404, '{}')
  let me
  try {
    me = verify(request.headers.authorization?.slice('Bearer '.length))
  } catch {
    return answer(401, '{}')
  }
  const { body, atMs = null } = JSON.parse(text)
  const now = new Date().toISOString()
  // As large as the comment of the others.
  const author = { id: me.sub, name: me.name, avatarUrl: null }
  const rest = { resolvedAt: null, resolvedBy: null, editedAt: null, version: 1, createdAt: now, updatedAt: now }
  const on = { projectId, cutId: projectId, taskId: null, parentId: null }
  const comment = { id: randomUUID(), ...on, body, atMs, endMs: null, author, ...rest }
  io.to(`project:${projectId}`).emit('comment:created', comment)
  answer(201, JSON.stringify(comment))
}

const server = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8')
  request.on('data', (chunk) => {
    text += chunk
  })
  request.on('end', () => broadcast(request, response, text))
})
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
    await socket.join(`project:${projectId}`)
    reply({ ok: true })
  })
})
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://localhost:${server.address().port}`))
process.on('SIGTERM', () => process.exit(0))
