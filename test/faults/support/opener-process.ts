import { createClient } from '@cutroom/client'

// Opens one project with the typed client, in a process of its own: what it makes of the pages does not slow what is measured beside it.

export interface ToOpener {
  url: string
  tokens: { accessToken: string; refreshToken: string }
  projectId: string
}
export interface FromOpener {
  comments: number
  ms: number
}

process.on('message', ({ url, tokens, projectId }: ToOpener) => {
  const from = performance.now()
  const client = createClient({ url, tokens })
  const room = client.room(projectId)
  room.on('status', (status) => {
    if (status !== 'live' && status !== 'offline') return
    const opened: FromOpener = { comments: room.state?.comments.size ?? 0, ms: performance.now() - from }
    process.send?.(opened, () => {
      client.close()
      process.exit(0)
    })
  })
})
