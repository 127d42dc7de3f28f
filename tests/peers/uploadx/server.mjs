// One tus server of @uploadx/core with its disk storage on a loopback port, for libtus' tests.
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { tus } from '@uploadx/core'

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    directory: { type: 'string' },
    'max-size': { type: 'string' },
  },
})

const handle = tus({
  uploadDir: values.directory,
  basePath: '/files',
  ...(values['max-size'] && { maxFileSize: Number(values['max-size']) }),
})
createServer(handle).listen(Number(values.port), '127.0.0.1')
