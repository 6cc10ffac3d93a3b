// SPDX-License-Identifier: MIT
// The exported file in speedscope itself, opened the way its own command line does it.
'use strict'
const fs = require('fs')
const path = require('path')
const assert = require('assert')

async function speedscope_shows_the_frames(open, [file], modules) {
	const app = path.join(modules, 'node_modules/speedscope/dist/release/index.html')
	const script = file + '.js'

	fs.writeFileSync(script, `speedscope.loadFileFromBase64('out.speedscope.json', ` +
		`'${fs.readFileSync(file).toString('base64')}')`)
	const page = await open(app, {}, `#localProfilePath=${script}`)
	await page.getByText('Sandwich').click()
	for (const name of ['take_gil', 'fetch', 'decode', 'futex_wait_queue'])
		await page.getByText(name, { exact: true }).first().waitFor({ timeout: 10000 })
	assert.deepStrictEqual(page.noise.filter((line) => line.startsWith('error')), [])
}

module.exports = { speedscope_shows_the_frames }
