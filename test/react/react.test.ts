import { hooksSuite } from './suite.ts'

hooksSuite('the hooks in React, in StrictMode', 'test/pages/react.tsx')
