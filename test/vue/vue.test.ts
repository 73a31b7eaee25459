import { hooksSuite } from '../react/suite.ts'

hooksSuite('the composables in Vue', 'test/pages/vue.tsx')
