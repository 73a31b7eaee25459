// read-media PATH TYPE [damaged]: prints what the media library says of a sound, or of a copy of it with a hole, as one line of JSON.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMedia } from '../../src/media/index.ts'

const [path = '', type = '', how] = process.argv.slice(2)
const media = createMedia({ durationMs: 24 * 3_600_000 })

async function readDamaged() {
  const folder = await mkdtemp(join(tmpdir(), 'cutroom-read-media-'))
  const bytes = await readFile(path)
  await writeFile(join(folder, 'sound'), bytes.fill(0, Math.round(bytes.length * 0.2), Math.round(bytes.length * 0.9)))
  const analysis = await media.analyseAudio(join(folder, 'sound'), type)
  await rm(folder, { recursive: true })
  return analysis
}

console.log(JSON.stringify(await (how === 'damaged' ? readDamaged() : media.analyseAudio(path, type))))
await media.close()
