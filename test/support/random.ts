export * from '../../src/lib/random.ts'
