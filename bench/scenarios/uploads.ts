import { alternate } from '../support/alternate.ts'
import { cpuOf } from '../support/cpu.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Asked, Bench, Result, Scenario } from '../support/scenario.ts'
import { type Site, startSites } from '../support/upload-sites.ts'
import { CUTS, FILE, MB, measureCrowd, measureCuts, sendAll } from '../support/upload-trials.ts'
import { startUploader, type Uploader } from '../support/uploads.ts'

interface Rate {
  /** MB/s. */
  rate: number
  /** Ms of the server's CPU for a MB. */
  cpu: number
}

async function measureRate(uploader: Uploader, site: Site, files: number): Promise<Rate> {
  const before = cpuOf(site.pids)
  const sendings = Array.from({ length: files }, () => site.whole(FILE))
  const ms = await sendAll(uploader, site.title, { sendings, parallel: 4 })
  const megabytes = (files * FILE) / MB
  return { rate: megabytes / (ms / 1000), cpu: (cpuOf(site.pids) - before) / megabytes }
}

async function run(bench: Bench): Promise<Result> {
  const { quick, progress, note } = bench
  const [rounds, files, uploads, large] = quick ? [1, 4, 20, 60 * MB] : [5, 12, 100, 200 * MB]
  const stops: (() => Promise<void>)[] = []
  const uploader = startUploader()
  stops.push(uploader.close)
  try {
    const measured = await alternate(await startSites(bench, stops), {
      rounds,
      warmUp: (site) => measureRate(uploader, site, 2),
      measure: (site) => measureRate(uploader, site, files),
      progress: (share, { title }) => progress(share * 0.7, title),
    })
    progress(0.7, `${uploads} uploads`)
    const crowd = await measureCrowd(bench, uploader, uploads)
    note(`${uploads} uploads of 20 MB took ${round(crowd.seconds)} s; p99 of other requests ${round(crowd.idleP99)} ms before it`)
    const cuts = await measureCuts(bench, uploader, large)
    const each = (title: string, key: keyof Rate) =>
      [...measured].flatMap(([site, all]) => (site.title === title ? all.map((one) => one[key]) : []))
    const rate = (title: string) => median(each(title, 'rate'))
    const titles = [...measured.keys()].map(({ title }) => title)
    const same = 'node:http, SHA-256 and fsync'
    const limitMs = Math.max(100, 3 * crowd.idleP99)
    const atMost = (what: string, most: number, found: number): Asked => ({
      what,
      asked: `≤ ${round(most, 0)}`,
      measured: round(found, 1),
      ok: found <= most,
    })
    return {
      rows: titles.map((subject) => ({
        subject,
        'MB/s': spread(each(subject, 'rate')),
        'CPU ms/MB': spread(each(subject, 'cpu')),
      })),
      ours: round(rate('Cutroom, a form')),
      limit: round(rate(same)),
      ratio: round(rate('Cutroom, a form') / rate(same)),
      peers: Object.fromEntries(
        titles.filter((title) => !title.startsWith('Cutroom')).map((title) => [title, round(rate(title))]),
      ),
      asked: [
        atMost(`${uploads} uploads of 20 MB at a time: resident memory, MB more`, 150, crowd.grownMb),
        atMost('p99 of other requests meanwhile, ms', limitMs, crowd.p99),
        atMost(`${large / MB} MB by tus, cut ${CUTS} times, server killed twice: resident memory, MB more`, 20, cuts.grownMb),
        { what: 'the same: byte-equal', asked: '= 1', measured: Number(cuts.equal), ok: cuts.equal },
      ],
      figures: { rates: Object.fromEntries([...measured].map(([{ title }, found]) => [title, found])), crowd, cuts },
      plot: bars(
        scenario.title,
        'MB/s',
        titles.map((label) => ({ label, values: each(label, 'rate') })),
      ),
    }
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

export const scenario: Scenario = {
  id: 'S15',
  title: 'Uploads of 20 MB, 4 at a time, beside plain node:http and Parse Server (MB/s)',
  run,
}
