/** What the environment says about this run of the tests; the one place that reads EA_TEST_EFFORT and EA_TEST_SEED. */

/** `quick`: a twentieth of the cases of each property. `full`: all of them. */
export const effort: 'quick' | 'full' = process.env.EA_TEST_EFFORT === 'full' ? 'full' : 'quick'

/** Of all random cases: the date as a number (20250301), so each day tries others; EA_TEST_SEED repeats a day. */
export const seed = Number(process.env.EA_TEST_SEED ?? new Date().toISOString().slice(0, 10).replaceAll('-', ''))
