import type { Person } from '../../support/people.ts'
import { createRandom, type Random } from '../../support/random.ts'
import { highest } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { drawn, type Seat, sit } from '../support/attendance.ts'
import type { Node } from '../support/node.ts'
import { judgeBaseline } from '../support/oracle.ts'
import { noTrouble, troubled } from '../support/resp.ts'
import type { Scenario } from '../support/scenario.ts'
import type { Stage } from '../support/stage.ts'
import { populate, type World } from '../support/world.ts'

const PEOPLE = 30
const PROJECTS = 5
const MEMBERS = 20
const HANDS = 6
const GRACE_MS = 4_000
const LOSSES = { lose: 0.2, repeat: 0.1, window: 5, windowMs: 30 }
const AGREE_MS = 10_000
const VANISH_MS = 15_000

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/** All tabs, and the presence that follows from them. */
interface House {
  urls: string[]
  world: World
  /** One person who sees all projects, once on each node. */
  watchers: Seat[]
  seats: Set<Seat>
  projectsOf(person: Person): string[]
  /** The last word about a person in a project, as long as the tabs of the node it was said on have not all left. */
  words: Map<string, { node: number; state: number }>
}

const present = ({ seats }: House, projectId: string) => [...seats].filter(({ lists }) => lists.has(projectId))
const others = (nodes: readonly Node[], index: number) => nodes.map((node) => node.index).filter((one) => one !== index)
const wordKey = (projectId: string, { id }: Person) => `${projectId} ${id}`

/** With a node's last tab of a person the state that was set there is gone. */
function forgetWord(house: House, projectId: string, seat: Seat): void {
  const { person, tab } = seat
  const key = wordKey(projectId, person)
  const still = present(house, projectId).some((one) => one.person === person && one.tab.node === tab.node)
  if (!still && house.words.get(key)?.node === tab.node) house.words.delete(key)
}

function standUp(house: House, seat: Seat, how: 'closed' | 'broken'): void {
  house.seats.delete(seat)
  const projects = [...seat.lists.keys()]
  if (how === 'closed') seat.tab.close()
  else seat.tab.socket.io.engine.close()
  for (const projectId of projects) forgetWord(house, projectId, seat)
}

/** One random action of a person. */
async function act(house: House, person: Person, random: Random, word: () => number): Promise<void> {
  const mine = [...house.seats].filter((seat) => seat.person === person)
  const dice = random.next()
  if (mine.length === 0 || (mine.length < 3 && dice < 0.15)) {
    house.seats.add(await sit(person, house.urls, random.int(0, house.urls.length - 1)))
    return
  }
  const seat = random.pick(mine)
  const inside = [...seat.lists.keys()]
  const outside = house.projectsOf(person).filter((id) => !inside.includes(id))
  if (dice < 0.3) standUp(house, seat, random.chance(0.5) ? 'closed' : 'broken')
  else if (inside.length > 0 && dice < 0.5) {
    const projectId = random.pick(inside)
    await seat.leave(projectId)
    forgetWord(house, projectId, seat)
    // As a screen does that is shown and hidden: in and out in one breath.
    if (random.chance(0.3)) {
      await seat.join(projectId)
      if (random.chance(0.5)) await seat.leave(projectId)
    }
  } else if (inside.length > 0 && dice < 0.7) {
    const projectId = random.pick(inside)
    const state = word()
    // Two words in one millisecond have no order.
    await pause(2)
    await seat.tab.ask('presence:set', { projectId, state: { word: state } })
    house.words.set(wordKey(projectId, person), { node: seat.tab.node, state })
  } else if (outside.length > 0) await seat.join(random.pick(outside))
}

/** What is not as it should be: nodes that differ from each other, from what they sent, or from the truth. */
async function differences(house: House): Promise<string[]> {
  const { watchers, world, words, seats } = house
  const wrong: string[] = []
  for (const { id: projectId } of world.projects) {
    const here = present(house, projectId)
    const truth = new Map(here.map(({ person }) => [person.id, person]))
    for (const { person } of watchers) truth.set(person.id, person)
    const lists = await Promise.all(watchers.map((one) => one.ask(projectId)))
    const first = drawn(lists[0] ?? [])
    for (const [node, list] of lists.entries()) {
      if (drawn(list) !== first) wrong.push(`node ${node} sees ${drawn(list)}, node 0 sees ${first}`)
      const names = drawn(list.map((one) => ({ ...one, state: null })))
      const due = [...truth.values()]
        .map(({ name }) => name)
        .sort()
        .join(' ')
      if (names !== due) wrong.push(`node ${node} sees ${names}, there are ${due}`)
      for (const { user, state } of list) {
        const word = words.get(`${projectId} ${user.id}`)
        if (word && state?.word !== word.state)
          wrong.push(`node ${node} has ${user.name} at ${state?.word}, who said ${word.state}`)
      }
    }
    for (const seat of [...watchers, ...here]) {
      const told = drawn(seat.lists.get(projectId)?.values() ?? [])
      if (told !== first) wrong.push(`${seat.person.name} on node ${seat.tab.node} was told ${told}, the nodes see ${first}`)
    }
  }
  const online = new Set([...seats].map(({ person }) => person.id))
  for (const { online: told, tab, person } of watchers)
    for (const one of world.people)
      if (one !== person && (told.get(one.id) ?? false) !== online.has(one.id))
        wrong.push(`node ${tab.node} says ${one.name} is ${told.get(one.id) ? 'online' : 'offline'}`)
  return wrong
}

/** Ms until nothing differs. */
async function agreed(stage: Stage, house: House, what: string, from = performance.now()): Promise<number> {
  let wrong: string[] = []
  let at = Number.NaN
  await until(
    '',
    async () => {
      // Watchers ask twenty times a second at most.
      await pause(300)
      wrong = await differences(house)
      at = performance.now() - from
      return wrong.length === 0
    },
    40_000,
  ).catch(() => {
    at = Number.NaN
  })
  stage.zero(`${what}: what nodes, sockets and the truth differ in after 40 s`, wrong.length, wrong)
  return at
}

/** Those of these people who were announced as left to watchers since then. */
const blinks = (watchers: readonly Seat[], people: ReadonlySet<Person>, from: number) => {
  const names = new Map([...people].map(({ id, name }) => [id, name]))
  return watchers.flatMap(({ left, tab }) =>
    left
      .filter(({ userId, at }) => at >= from && names.has(userId))
      .map(({ userId, at }) => `node ${tab.node}: ${names.get(userId)} left after ${at - from} ms`),
  )
}

/** The same person again, on one of these nodes, in the same projects; tries until a node lets them in. */
async function comeBack(house: House, seat: Seat, among: readonly number[], random: Random): Promise<void> {
  const projects = [...seat.lists.keys()]
  seat.lists.clear()
  house.seats.delete(seat)
  for (;;) {
    const back = await sit(seat.person, house.urls, random.pick(among)).catch(() => null)
    if (back === null) {
      await pause(50)
      continue
    }
    for (const projectId of projects) await back.join(projectId)
    house.seats.add(back)
    return
  }
}

/** Each person once, on one node, in all their projects. */
async function seatAll(house: House, people: readonly Person[], nodeOf: (index: number) => number): Promise<void> {
  for (const [index, person] of people.entries()) {
    const seat = await sit(person, house.urls, nodeOf(index))
    for (const projectId of house.projectsOf(person)) await seat.join(projectId)
    house.seats.add(seat)
  }
}

export const scenario: Scenario = {
  id: 'P1',
  title: 'who is there, on three nodes: messages lost, repeated and shuffled, a node killed, people who come back',
  needsRedis: true,
  async run(stage) {
    const { random } = stage
    const redis = await stage.redis()
    const trouble = noTrouble()
    const proxy = await stage.proxy({ port: redis.port, down: troubled(trouble, createRandom(random.int(0, 2 ** 31))) })
    const nodes = await stage.nodes(3, { redisUrl: `redis://127.0.0.1:${proxy.port}` })
    const [first] = nodes
    if (!first) throw new Error('no node')
    const urls = nodes.map(({ url }) => url)
    const world = await populate(first, { people: PEOPLE, projects: PROJECTS, members: MEMBERS })
    // The one who is in all projects.
    const watcher = world.people[PROJECTS - 1]
    if (!watcher) throw new Error('a watcher')
    const seats = new Set<Seat>()
    const watchers: Seat[] = []
    /** Also those whose node was stopped since: what they received counts. */
    const sitting: Seat[] = []
    stage.undo(() => {
      for (const { tab } of [...seats, ...sitting]) tab.close()
    })
    const projectsOf = (person: Person) => world.projects.filter(({ members }) => members.includes(person)).map(({ id }) => id)
    const house: House = { urls, world, watchers, seats, projectsOf, words: new Map() }
    const watch = async (node: number) => {
      const seat = await sit(watcher, urls, node)
      for (const { id } of world.projects) await seat.join(id)
      watchers[node] = seat
      sitting.push(seat)
    }
    for (const { index } of nodes) await watch(index)
    const people = world.people.filter((person) => person !== watcher && projectsOf(person).length > 0)

    // Chance. Messages between nodes are lost until they agree.
    stage.mark('messages lost')
    const rounds = stage.short ? 1 : 5
    const actions = stage.short ? 150 : 200
    const agreedMs: number[] = []
    let words = 0
    for (let round = 0; round < rounds; round++) {
      Object.assign(trouble, LOSSES)
      let done = 0
      const hands = Array.from({ length: HANDS }, async (_, hand) => {
        const own = people.filter((_person, index) => index % HANDS === hand)
        const chance = createRandom(random.int(0, 2 ** 31))
        while (done++ < actions) {
          stage.progress(((round + done / actions) / rounds) * 0.4, `${trouble.done.lost} messages lost`)
          await act(house, chance.pick(own), chance, () => ++words)
          await pause(chance.int(0, 80))
        }
      })
      await Promise.all(hands)
      agreedMs.push(await agreed(stage, house, `after chance, ${round + 1}`))
    }
    stage.atMost('all agree after the last of it, with messages still lost', highest(agreedMs) / 1000, AGREE_MS / 1000, 's')
    const { passed, lost, repeated, shuffled } = trouble.done
    stage.show('each of the times', `${agreedMs.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s`)
    stage.show(
      'things done; messages passed, lost, repeated, shuffled',
      `${rounds * actions}; ${passed}, ${lost}, ${repeated}, ${shuffled}`,
    )

    Object.assign(trouble, noTrouble())
    for (const { tab } of seats) tab.close()
    seats.clear()
    house.words.clear()
    await agreed(stage, house, 'all gone')

    // People whose connection breaks, and who are back on another node within the grace.
    stage.mark('reconnects')
    await seatAll(house, people, (index) => index % nodes.length)
    await agreed(stage, house, 'all seated')
    let from = Date.now()
    let count = 0
    for (let turn = 0; turn < (stage.short ? 1 : 3); turn++) {
      const moving = [...seats].map(async (seat) => {
        await pause(random.int(0, 1_000))
        seat.tab.socket.io.engine.close()
        await pause(random.int(0, GRACE_MS - 1_000))
        await comeBack(house, seat, others(nodes, seat.tab.node), random)
        count++
      })
      stage.progress(0.5, `${moving.length} people change nodes`)
      await Promise.all(moving)
      // A leave that was due is announced by now.
      await pause(GRACE_MS + 500)
    }
    const hopped = blinks(watchers, new Set(people), from)
    stage.zero(`people told to have left who were back in ${(GRACE_MS - 1_000) / 1000} s, ${count} times`, hopped.length, hopped)

    // A rolling restart: sockets that are closed reconnect elsewhere at once.
    from = Date.now()
    count = 0
    for (const node of nodes) {
      stage.mark(`restart node ${node.index}`)
      stage.progress(0.6 + node.index * 0.1, `node ${node.index} restarts`)
      const moving = [...seats]
        .filter(({ tab }) => tab.node === node.index)
        .map(async (seat) => {
          await until('sent away', () => !seat.tab.socket.connected, 20_000)
          await pause(random.int(0, GRACE_MS - 1_500))
          await comeBack(house, seat, others(nodes, node.index), random)
          count++
        })
      await node.terminate()
      await Promise.all(moving)
      await node.start()
      await watch(node.index)
    }
    // So long that a stopped node's people would be forgotten.
    await pause(VANISH_MS)
    const rolled = blinks(sitting, new Set(people), from)
    stage.zero(`people told to have left during a rolling restart, ${count} moved`, rolled.length, rolled)
    await agreed(stage, house, 'restarted')

    // A node dies, and with it all that it saw.
    const victim = random.pick(nodes.filter(({ index }) => [...seats].filter(({ tab }) => tab.node === index).length > 5))
    const gone = new Set([...seats].filter(({ tab }) => tab.node === victim.index).map(({ person }) => person))
    const stay = new Set(people.filter((person) => !gone.has(person)))
    stage.mark(`kill node ${victim.index}`)
    from = Date.now()
    await victim.kill()
    const rest = watchers.filter(({ tab }) => tab.node !== victim.index)
    for (const seat of seats) if (gone.has(seat.person)) seats.delete(seat)
    const leaves = (seat: Seat) => seat.left.filter(({ userId, at }) => at >= from && [...gone].some(({ id }) => id === userId))
    const due = [...gone].reduce((sum, person) => sum + projectsOf(person).length, 0)
    stage.progress(0.9, `${gone.size} people of node ${victim.index} are to vanish`)
    await until('', () => rest.every((seat) => leaves(seat).length >= due), 25_000).catch(() => {})
    const times = rest.flatMap((seat) => leaves(seat).map(({ at }) => at - from))
    stage.zero('people of the killed node who never vanished', rest.length * due - times.length)
    stage.atMost("a killed node's people vanish, the last of them", highest(times) / 1000, VANISH_MS / 1000, 's')
    const wrongly = blinks(rest, stay, from)
    stage.zero('others who were told to have left', wrongly.length, wrongly)
    await victim.start()
    await watch(victim.index)
    await agreed(stage, house, 'started again')

    for (const { tab } of [...seats, ...watchers]) tab.close()
    await judgeBaseline(stage, nodes)
  },
}
