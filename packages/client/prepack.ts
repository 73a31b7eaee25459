import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

// The contract is on no registry. The client needs its types alone, so the tarball carries its declarations.
const dist = join(import.meta.dirname, 'dist')
const types = join(dist, 'contract')
await rm(types, { recursive: true, force: true })
await cp(join(import.meta.dirname, '../contract/dist'), types, {
  recursive: true,
  filter: (source) => !/\.js$|\.tsbuildinfo$/.test(source),
})

for (const name of await readdir(dist, { recursive: true })) {
  const file = join(dist, name)
  if (!name.endsWith('.d.ts') || file.startsWith(types)) continue
  const target = relative(dirname(file), join(types, 'index.js')).replaceAll('\\', '/')
  const declarations = await readFile(file, 'utf8')
  const moved = declarations.replaceAll(`'@cutroom/contract'`, `'${target.startsWith('.') ? target : `./${target}`}'`)
  if (moved !== declarations) await writeFile(file, moved)
}

// The next build writes the declarations anew: packages beside this one read them with the names of the workspace.
await rm(join(dist, '.tsbuildinfo'), { force: true })
