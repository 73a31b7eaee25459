// Express 5, Prisma and Socket.IO as the article has them: a route checks, inserts, and emits when the insert succeeded.
// The instance of Socket.IO is kept on the app. No log, no transaction around several statements, no catch-up.
import { createSecretKey } from 'node:crypto'
import { createServer } from 'node:http'
import { PrismaPg } from '@prisma/adapter-pg'
import express from 'express'
import jwt from 'jsonwebtoken'
import { Server } from 'socket.io'

const { DATABASE_URL, JWT_SECRET = '', DATABASE_POOL = '16', PORT = '0', PRISMA_CLIENT = '' } = process.env
const { PrismaClient } = await import(PRISMA_CLIENT)

// Statements have names, so that Postgres plans them once per connection: without, it is slower still.
const names = new Map()
const statementNameGenerator = ({ sql }) => {
  if (!names.has(sql)) names.set(sql, `s${names.size}`)
  return names.get(sql)
}
const adapter = new PrismaPg({ connectionString: DATABASE_URL, max: Number(DATABASE_POOL) }, { statementNameGenerator })
const prisma = new PrismaClient({ adapter })

const app = express()
const server = createServer(app)
const io = new Server(server, { serveClient: false })
app.set('io', io)
app.disable('x-powered-by')
app.disable('etag')
app.use(express.json())

// A key made once: from a string jsonwebtoken makes one for each token, which costs more than the check.
const key = createSecretKey(Buffer.from(JWT_SECRET))
const verify = (token) => jwt.verify(token, key, { algorithms: ['HS256'], issuer: 'cutroom', audience: 'cutroom' })

function authenticate(req, res, next) {
  try {
    req.user = verify(req.headers.authorization?.replace('Bearer ', '') ?? '')
  } catch {
    return res.status(401).json({ error: 'Not logged in' })
  }
  next()
}

const person = { select: { id: true, name: true, avatarUrl: true } }

async function requireMember(req, res, next) {
  const { cutId } = req.params
  const member = await prisma.member.findFirst({
    where: { userId: req.user.sub, project: { cuts: { some: { id: cutId } } } },
    select: { projectId: true, role: true, user: person },
  })
  if (!member || (req.method === 'POST' && member.role === 'viewer')) return res.status(404).json({ error: 'Not found' })
  req.member = member
  next()
}

app.get('/cuts/:cutId/comments', authenticate, requireMember, async (req, res) => {
  const items = await prisma.comment.findMany({
    where: { cutId: req.params.cutId },
    include: { author: person, resolvedBy: person },
    orderBy: { id: 'asc' },
    take: 50,
  })
  res.json({ items })
})

app.post('/cuts/:cutId/comments', authenticate, requireMember, async (req, res) => {
  const { body, atMs = null } = req.body
  if (typeof body !== 'string' || body.trim() === '') return res.status(400).json({ error: 'body is missing' })
  const { projectId, user } = req.member
  const row = await prisma.comment.create({ data: { body, atMs, cutId: req.params.cutId, projectId, authorId: user.id } })
  const comment = { ...row, author: user, resolvedBy: null }
  req.app.get('io').to(`project:${projectId}`).emit('comment:created', comment)
  res.status(201).json(comment)
})

io.use((socket, next) => {
  try {
    socket.data.user = verify(socket.handshake.auth.token)
    next()
  } catch (error) {
    next(error)
  }
})
io.on('connection', (socket) => {
  socket.on('join:project', async ({ projectId }, reply) => {
    const userId = socket.data.user.sub
    const member = await prisma.member.findUnique({ where: { projectId_userId: { projectId, userId } } })
    if (member) await socket.join(`project:${projectId}`)
    reply({ ok: member !== null })
  })
})

server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://localhost:${server.address().port}`))
process.on('SIGTERM', () => process.exit(0))
