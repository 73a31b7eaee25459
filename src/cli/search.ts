import { rebuild } from '../features/search/build.ts'
import { CommandError } from './output.ts'
import { withStore } from './store.ts'

/** `cutroom search rebuild`. @throws CommandError */
export async function rebuildSearch(): Promise<void> {
  await withStore(async ({ query }) => {
    if (!(await rebuild(query))) throw new CommandError('No server has begun an index yet: the first start builds it')
    console.log('The index is built again, by the server that leads, or by the next one that starts.')
  })
}
