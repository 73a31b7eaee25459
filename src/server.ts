#!/usr/bin/env node
// Packages that need a newer Node fail as soon as they are loaded, so the version is checked before any of them is.
import { nodeRefusal } from './node-version.ts'

const refusal = nodeRefusal(process.versions.node)
if (refusal !== null) {
  console.error(refusal)
  process.exit(1)
}
const [command, ...rest] = process.argv.slice(2)
// The server loads nothing of the other commands.
if (command === undefined || (command === 'serve' && rest.length === 0)) await import('./cli/serve.ts')
else await import('./cli/main.ts')
