import { nOfEvent, openRaw } from '../../support/raw-socket.ts'
import { clock, type Listen } from '../../support/subject.ts'

export const listen: Listen = async ({ url, token, places }, onComment) => {
  const socket = await openRaw(url, { token }, (text) => {
    const at = clock()
    const n = text.startsWith('["comment:created"') ? nOfEvent(text) : null
    if (n !== null) onComment(n, at)
  })
  for (const projectId of places) {
    const answer = (await socket.ask('join:project', { projectId, activity: false })) as { ok: boolean }
    if (!answer.ok) throw new Error(`join: ${JSON.stringify(answer)}`)
  }
  return { close: socket.close }
}
