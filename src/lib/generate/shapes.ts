/** What can happen in a session, what each event carries, and what comes after it. Plain data. */

/** Where the value of a property comes from; `record.ts` writes each. */
export const valueKinds = [
  'country',
  'session',
  'version',
  'os',
  'method',
  'page',
  'referrer',
  'query',
  'results',
  'item',
  'price',
  'currency',
  'qty',
  'order',
  'amount',
  'payment',
] as const
export type ValueKind = (typeof valueKinds)[number]

export interface EventShape {
  readonly type: string
  /** Beside `country` and `session_id`, which every event has. */
  readonly properties: readonly (readonly [name: string, kind: ValueKind])[]
  /** What comes next in the session, in 64ths. */
  readonly next: Readonly<Record<string, number>>
}

/** The first one begins every session. */
export const eventShapes: readonly EventShape[] = [
  {
    type: 'app_open',
    properties: [
      ['app_version', 'version'],
      ['os', 'os'],
    ],
    next: { login: 13, page_view: 18, search: 7, view_item: 26 },
  },
  {
    type: 'login',
    properties: [['method', 'method']],
    next: { page_view: 26, search: 8, view_item: 30 },
  },
  {
    type: 'page_view',
    properties: [
      ['page', 'page'],
      ['referrer', 'referrer'],
    ],
    next: { page_view: 16, search: 10, view_item: 34, logout: 4 },
  },
  {
    type: 'search',
    properties: [
      ['query', 'query'],
      ['results', 'results'],
    ],
    next: { page_view: 3, search: 7, view_item: 54 },
  },
  {
    type: 'view_item',
    properties: [
      ['item_id', 'item'],
      ['price', 'price'],
      ['currency', 'currency'],
    ],
    next: { page_view: 9, search: 7, view_item: 33, add_to_cart: 12, logout: 3 },
  },
  {
    type: 'add_to_cart',
    properties: [
      ['item_id', 'item'],
      ['price', 'price'],
      ['qty', 'qty'],
    ],
    next: { page_view: 8, search: 4, view_item: 32, purchase: 20 },
  },
  {
    type: 'purchase',
    properties: [
      ['order_id', 'order'],
      ['amount', 'amount'],
      ['currency', 'currency'],
      ['payment_method', 'payment'],
    ],
    next: { page_view: 26, view_item: 28, logout: 10 },
  },
  {
    type: 'logout',
    properties: [],
    next: { app_open: 64 },
  },
]

/** What the values are taken from; a word that stands more than once is drawn more often. Sixteen each. */
export const words = {
  country: ['PL', 'PL', 'PL', 'UA', 'UA', 'DE', 'DE', 'GB', 'GB', 'US', 'US', 'FR', 'ES', 'RO', 'SE', 'KZ'],
  version: [
    '3.4.1',
    '3.4.1',
    '3.4.1',
    '3.4.1',
    '3.4.1',
    '3.4.0',
    '3.4.0',
    '3.4.0',
    '3.3.7',
    '3.3.7',
    '3.3.5',
    '3.3.2',
    '3.2.9',
    '3.2.4',
    '3.1.0',
    '2.9.12',
  ],
  os: 'Android,Android,Android,Android,Android,Android,Android,iOS,iOS,iOS,iOS,iOS,iOS,Windows,macOS,Linux'.split(','),
  method:
    'password,password,password,password,password,password,google,google,google,google,google,apple,apple,apple,github,passkey'.split(
      ',',
    ),
  page: '/,/,/,/,/offers,/offers,/new,/new,/help,/about,/account,/orders,/category/home,/category/garden,/category/toys,/category/books'.split(
    ',',
  ),
  referrer:
    'direct,direct,direct,direct,direct,direct,google,google,google,google,newsletter,newsletter,facebook,instagram,reddit,partner'.split(
      ',',
    ),
  query: [
    'desk lamp',
    'desk',
    'chair',
    'office chair',
    'garden table',
    'tent',
    'backpack',
    'kettle',
    'blue mug',
    'bookshelf',
    'puzzle 1000',
    'board game',
    'cotton sheets',
    'running shoes',
    'phone case',
    'usb-c cable',
  ],
  currency: 'EUR,EUR,EUR,EUR,EUR,EUR,EUR,EUR,USD,USD,USD,USD,USD,PLN,PLN,GBP'.split(','),
  payment:
    'card,card,card,card,card,card,card,paypal,paypal,paypal,blik,blik,apple_pay,apple_pay,google_pay,invoice'.split(
      ',',
    ),
} as const satisfies Partial<Record<ValueKind, readonly string[]>>
