/** Examples for the document: what is really answered on examples/events.csv. A test asks again and compares. */

export interface Example {
  /** The parameters, in snake case. */
  readonly asked: Readonly<Record<string, string | readonly string[]>>
  readonly answer: object
}

/** By the name of the stat. */
export const examplesOfStats: Readonly<Record<string, Example>> = {
  dau: example(
    'dau',
    { from: '2025-01-31', to: '2025-02-01' },
    [
      { date: '2025-01-31', unique_users: 12, complete: true },
      { date: '2025-02-01', unique_users: 7, complete: true },
    ],
    {
      from: '2025-01-31',
      to: '2025-02-01',
      definition: 'Different users with at least one event in each day.',
      source: 'rollups',
      grain: 'day',
    },
  ),
  wau: example(
    'wau',
    { from: '2025-01-31', to: '2025-02-01' },
    [
      { date: '2025-01-31', unique_users: 62, complete: true },
      { date: '2025-02-01', unique_users: 63, complete: true },
    ],
    {
      from: '2025-01-31',
      to: '2025-02-01',
      definition: 'Different users with at least one event in the 7 calendar days that end with the date.',
      source: 'rollups',
    },
  ),
  mau: example(
    'mau',
    { from: '2025-01-31', to: '2025-02-01' },
    [
      { date: '2025-01-31', unique_users: 185, complete: true },
      { date: '2025-02-01', unique_users: 184, complete: true },
    ],
    {
      from: '2025-01-31',
      to: '2025-02-01',
      definition: 'Different users with at least one event in the 30 calendar days that end with the date.',
      source: 'rollups',
    },
  ),
  'top-events': example(
    'top-events',
    { from: '2025-01-01', to: '2025-01-31', limit: '2' },
    [
      { event_type: 'view_item', events: 917, share: 0.41530797101449274 },
      { event_type: 'app_open', events: 416, share: 0.18840579710144928 },
    ],
    {
      from: '2025-01-01',
      to: '2025-01-31',
      definition: 'Events of each type, and their share of all events of the range.',
      source: 'rollups',
      limit: 2,
      unique_users: false,
    },
  ),
  trend: example(
    'trend',
    { from: '2025-01-01', to: '2025-01-31', grain: 'month', by: 'event_type', limit: '2' },
    [
      { date: '2025-01-01', key: 'view_item', value: 917, complete: true },
      { date: '2025-01-01', key: 'app_open', value: 416, complete: true },
    ],
    {
      from: '2025-01-01',
      to: '2025-01-31',
      definition: 'Events in each month by event_type, of the 2 largest keys of the range.',
      source: 'rollups',
      grain: 'month',
      by: 'event_type',
      measure: 'events',
      limit: 2,
      keys_left_out: 6,
      warnings: ['The other 6 values of event_type are left out; a larger limit shows more.'],
    },
  ),
  retention: example(
    'retention',
    { start_date: '2025-01-06', to: '2025-01-06', windows: '2' },
    [
      {
        cohort: '2025-01-06',
        size: 39,
        users: [39, 4, 3],
        rates: [1, 0.10256410256410256, 0.07692307692307693],
        complete: [true, true, true],
      },
    ],
    {
      from: '2025-01-06',
      to: '2025-01-12',
      definition:
        'A cohort is the users whose first event ever is in the week, window 0. Window k (1 to 2) counts those of them with a return event (any event) in the k-th week after it.',
      source: 'rollups',
      start_date: '2025-01-06',
      windows: 2,
      window_type: 'week',
      cohort: 'first-ever',
      mode: 'on',
      clock: 'calendar',
      min_return_events: 1,
      mean: {
        cohort: 'mean',
        size: 39,
        users: [39, 4, 3],
        rates: [1, 0.10256410256410256, 0.07692307692307693],
        complete: [true, true, true],
      },
    },
  ),
  funnel: example(
    'funnel',
    { from: '2025-01-01', to: '2025-01-31', step: ['app_open', 'purchase'] },
    [
      {
        step: 1,
        event_type: 'app_open',
        users: 188,
        rate_from_first: 1,
        rate_from_previous: null,
        median_seconds: null,
        mean_seconds: null,
      },
      {
        step: 2,
        event_type: 'purchase',
        users: 23,
        rate_from_first: 0.12234042553191489,
        rate_from_previous: 0.12234042553191489,
        median_seconds: 173.716,
        mean_seconds: 239870.65482608695,
      },
    ],
    {
      from: '2025-01-01',
      to: '2025-01-31',
      definition:
        "Users by how many of 2 steps they took, each step at or after the one before, other events may come between, all within 14d of the first step taken; the first step is in the range, and the user's deepest, then earliest attempt counts.",
      source: 'events',
      step: ['app_open', 'purchase'],
      window: '14d',
      order: 'ordered',
      exclude: [],
      pending_users: 0,
    },
  ),
  lifecycle: example(
    'lifecycle',
    { from: '2025-01-31', to: '2025-02-01' },
    [
      { date: '2025-01-31', 'new': 7, returning: 0, resurrecting: 5, dormant: 11, complete: true },
      { date: '2025-02-01', 'new': 5, returning: 1, resurrecting: 1, dormant: 11, complete: true },
    ],
    {
      from: '2025-01-31',
      to: '2025-02-01',
      definition:
        "new: the user's first event ever is in the day; returning: not new, and also active in the day before; resurrecting: active, not new, and not active in the day before; dormant: active in the day before and not in this one.",
      source: 'rollups',
      grain: 'day',
    },
  ),
  stickiness: example(
    'stickiness',
    { from: '2025-01-01', to: '2025-01-02' },
    [
      { periods_active: 1, users: 12 },
      { periods_active: 2, users: 0 },
    ],
    {
      from: '2025-01-01',
      to: '2025-01-02',
      definition: 'Different users by the number of days of the range in which they have at least one event.',
      source: 'rollups',
      grain: 'day',
    },
  ),
}

/** What all of the answers say, because all were asked on the day behind the data. */
function example(metric: string, asked: Example['asked'], data: readonly object[], meta: object): Example {
  const frame = {
    default_range: null,
    tz: 'UTC',
    week_start: 'monday',
    as_of: '2025-03-02T00:00:00.000000Z',
    segment: [],
    data_from: '2025-01-01',
    data_until: '2025-03-01',
    complete_until: '2025-03-02',
    range_complete: true,
    hides_later_events: false,
  }
  return {
    asked: { ...asked, as_of: '2025-03-02' },
    answer: { metric, data, meta: { ...frame, warnings: [], ...meta } },
  }
}
