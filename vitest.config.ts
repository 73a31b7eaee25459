import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (name: string) => fileURLToPath(new URL(`packages/${name}/src/index.ts`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      // The sources of the packages, not what was built of them.
      ...['contract', 'client', 'react', 'vue'].map((name) => ({ find: `@cutroom/${name}`, replacement: source(name) })),
      // The program that reads media as it ships: from its source it takes three times as long to start (0.9 s of CPU for 0.25).
      { find: /^\.\/program\.ts$/, replacement: fileURLToPath(new URL('test/support/media-program.ts', import.meta.url)) },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global.ts',
    // Long, for a machine that is busy with other things: no test waits for its limit.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Machines of CI stand still now and then: a test that fails is tried once more, and both results are shown.
    retry: process.env.CI ? 1 : 0,
    // Each file has a database and a server of its own, and waits for clocks and sockets a part of its time. With four on two cores
    // tests with programs of their own (browsers, commands, media) took up to seven times as long as alone.
    maxWorkers: Math.min(Math.max(3, availableParallelism() - 2), 6),
    // Files share a worker's loaded modules, which keep no state: loading them anew for each is a quarter of all the work.
    isolate: false,
  },
})
