import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'

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

// What uploads need of tus-js-client is a file of the tarball: 60 KB in place of 4 MB of packages that are for files on disk. With its
// readers and requests given, its browser build runs everywhere.
const tus = dirname(createRequire(import.meta.url).resolve('tus-js-client/package.json'))
const license = await readFile(join(tus, 'LICENSE'), 'utf8')
await build({
  stdin: { contents: `export { Upload } from 'tus-js-client'`, resolveDir: import.meta.dirname },
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  banner: { js: `/*! tus-js-client\n${license.replaceAll('*/', '')}*/` },
  outfile: join(dist, 'tus.js'),
})
const transfer = join(dist, 'upload-transfer.js')
await writeFile(transfer, (await readFile(transfer, 'utf8')).replace(`from 'tus-js-client'`, `from './tus.js'`))
// The only declaration that names it is of a module that nothing outside uses.
await rm(join(dist, 'upload-requests.d.ts'))

// The next build writes the declarations anew: packages beside this one read them with the names of the workspace.
await rm(join(dist, '.tsbuildinfo'), { force: true })
