import type { FromCrowd, ToCrowd } from './crowd.ts'
import { openFollowers } from './followers.ts'

// Followers in a process of their own, so that writing and what is done to the servers do not slow what they measure.

let open: ReturnType<typeof openFollowers> | undefined
const send = (message: FromCrowd) => void process.send?.(message)

process.on('message', (message: ToCrowd) => {
  if (message.type === 'start') {
    const made = openFollowers(message.plans, message.seed, message.perSecond)
    open = made
    setInterval(() => send({ type: 'status', status: made.status() }), 100).unref()
  } else if (message.type === 'churn') open?.churn(message.perSecond)
  else if (message.type === 'finish' && open) send({ type: 'result', seen: open.finish() })
  else process.disconnect()
})
process.on('disconnect', () => process.exit(0))
