import { preact } from '../support/pages.ts'
import { hooksSuite } from './suite.ts'

hooksSuite('the hooks in Preact', 'test/pages/react.tsx', preact)
