import { fork, type Serializable } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A TypeScript program in a process of its own. `end` kills it, and resolves when it is gone. */
export function forkProgram(file: URL, args: readonly string[] = []) {
  const child = fork(fileURLToPath(file), args, {
    execArgv: ['--import', import.meta.resolve('tsx')],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  const isRunning = () => child.exitCode === null && child.signalCode === null
  return {
    child,
    exited,
    isRunning,
    send: (message: Serializable) => void child.send(message),
    async end(): Promise<void> {
      if (isRunning()) child.kill('SIGKILL')
      await exited
    },
  }
}
