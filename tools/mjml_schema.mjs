// Writes what npm's mjml knows of its components, as chalicelib/lint/data/mjml.json holds it:
//   node tools/mjml_schema.mjs node_modules > chalicelib/lint/data/mjml.json
// The argument is the node_modules folder in which `npm install mjml@5.4.1` put it.
// Types, defaults and children are mjml's own (MIT licence).
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const require = createRequire(resolve(process.argv[2] ?? 'node_modules', 'x.js'))
const { components, dependencies } = require('mjml-preset-core')
const colours = require('mjml-core/lib/types/helpers/colors')
const { version } = require('mjml/package.json')
const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
const known = (value) => value !== undefined && value !== null && value !== ''

const described = components.map((component) => [
  component.componentName,
  {
    attributes: sorted(component.allowedAttributes ?? {}),
    defaults: sorted(Object.fromEntries(Object.entries(component.defaultAttributes ?? {}).filter(([, v]) => known(v)))),
    ending: Boolean(component.endingTag),
  },
])
const children = Object.fromEntries(
  Object.entries(dependencies).map(([tag, inside]) => [
    tag,
    inside.some((child) => child instanceof RegExp) ? ['*'] : [...inside].sort(),
  ]),
)
const schema = { source: `npm mjml ${version}, MIT licence`, components: sorted(Object.fromEntries(described)), children: sorted(children), colours: [...(colours.default ?? colours)].sort() }
process.stdout.write(`${JSON.stringify(schema, null, 1)}\n`)
