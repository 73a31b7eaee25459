import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { comments, createClient } from '@cutroom/client'

const { CUTROOM_URL: url = 'http://localhost:3000', CUTROOM_TOKEN: accessToken = '', PROJECT: projectId = '' } = process.env
const file = `${projectId}.json` // how far it has come
const from = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
const onSignedOut = ({ title }: { title: string }) => [console.error(title), process.exit(1)]
const client = createClient({ url, tokens: { accessToken }, onSignedOut })
const room = client.room(projectId, { state: false, from })
const save = (position: typeof room.position) => writeFileSync(file, JSON.stringify(position))
// The first position is kept at once: what is asked while the bot is away counts also when nothing was asked before.
let queue = room.ready().then(() => from ?? save(room.position))
queue = queue.catch(console.error)
room.on('comment:created', ({ id, body }, { id: idempotencyKey, epoch, seq }) => {
  const reply = { params: { commentId: id }, body: { body: 'I will look.' }, idempotencyKey, retryForMs: 86_400_000 }
  queue = queue.then(async () => void (body.endsWith('?') && (await client.call(comments.reply, reply))))
  queue = queue.catch(console.error).then(() => save({ epoch, seq }))
})
