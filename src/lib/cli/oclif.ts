/** What main needs of oclif, by name: a dynamic import of this file works bundled and unbundled alike. */
export { Config, run } from '@oclif/core'
