// One person, in a process of its own. Speaks with the process that started it over IPC.
import { playMember } from './member.ts'
import type { Casting, Line, Order, Report } from './messages.ts'
import { playPhone } from './raw-client.ts'
import { playStranger } from './stranger.ts'

const report = (message: Report) => {
  // without a callback, a parent that is just going would be an error here
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
const trouble = (error: unknown) => report({ type: 'trouble', problem: error instanceof Error ? error.message : String(error) })
const line: Line = {
  report,
  onOrder(listener) {
    process.on('message', (order: Order) => {
      Promise.resolve()
        .then(() => listener(order))
        .catch(trouble)
    })
  },
}

const parts = { member: playMember, phone: playPhone, stranger: playStranger }

// Ctrl-C reaches all processes of the terminal; it is for the parent to end the play
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())
process.on('unhandledRejection', trouble)
process.once('message', (casting: Casting) => {
  parts[casting.part](casting, line).catch(trouble)
})
