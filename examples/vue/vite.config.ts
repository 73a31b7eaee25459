import { defineConfig } from 'vite'

// tsc checks the elements of Vue and leaves them as they are; Vite compiles them.
export default defineConfig({ oxc: { jsx: { runtime: 'automatic', importSource: 'vue' } } })
