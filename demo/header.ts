import { writesOf } from '../src/cli/band/fill.ts'
import type { Band } from '../src/cli/band/plan.ts'
import { styles } from './cast.ts'
import type { Options } from './options.ts'
import type { Screen } from './screen.ts'

/** Says who will play, and what is going to happen. */
export function header(screen: Screen, band: Band, { seed, quick }: Options): void {
  const { people, stranger, cuts, threads, tasks } = band
  const [one = '', two = '', three = ''] = people.map(({ first }, index) => screen.paint(styles.members[index] ?? 'bold', first))
  const comments = threads.reduce((sum, { replies }) => sum + 1 + replies.length, 0).toLocaleString('en-US')
  const outsider = screen.paint(styles.stranger, stranger)
  const again = screen.paint(
    'dim',
    `seed ${seed}; npm run demo -- ${quick ? '--quick ' : ''}--seed ${seed} plays the same band again`,
  )
  screen.line()
  screen.line(screen.paint('bold', 'Cutroom, played'))
  screen.line(again)
  screen.line()
  screen.line(
    `  ${screen.paint('bold', band.name)} are making a record: ${one} (owner), ${two} (editor) and ${three} (commenter),`,
  )
  screen.line(`  each a client in a process of its own; ${three} is also there with a phone.`)
  screen.line(`  ${outsider} is a stranger: has an account, knows the ids, and wants in.`)
  screen.line()
  const total = writesOf(band).toLocaleString('en-US')
  screen.line(`  1  ${cuts.length} cuts, ${comments} comments, ${tasks.length} tasks: ${total} writes through the API`)
  screen.line('  2  an afternoon of work')
  screen.line(`  3  ${three} loses the connection, and comes back`)
  screen.line('  4  the server is killed in the middle of writes, and started again')
  screen.line('  5  all write at once')
  screen.line('  6  what each of them got is compared with the log, event by event')
}
