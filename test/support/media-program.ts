import { join } from 'node:path'
import { inject } from 'vitest'
import { built, type Program } from '../../src/media/program.ts'

/** In the place of src/media/program.ts (vitest.config.ts): the worker as it ships, which is up in a third of the time it takes through tsx. */
export const program = (): Program => built(join(inject('build'), 'media-worker.js'))
