// SPDX-License-Identifier: MIT
// One case in a real Chromium: drive.js MODULES CASE FILE…. The cases are in flame.js and speedscope.js here.
'use strict'
const fs = require('fs')
const os = require('os')
const path = require('path')
const assert = require('assert')
const { pathToFileURL } = require('url')

const [modules, name, ...files] = process.argv.slice(2)
const { chromium } = require(path.join(modules, 'node_modules', 'playwright-core'))
const cases = Object.assign({}, require('./flame.js'), require('./speedscope.js'))
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
	'--disable-background-networking', '--disable-component-update', '--disable-sync']

// A page on that file. Whatever it asks for, throws or pops up is kept in page.noise.
async function open(browser, file, options, hash) {
	const context = await browser.newContext(Object.assign({ viewport: { width: 1200, height: 800 } }, options))
	const page = await context.newPage()
	const url = pathToFileURL(file).href

	page.noise = []
	page.on('pageerror', (error) => page.noise.push(`error: ${error.message}`))
	page.on('dialog', (dialog) => { page.noise.push(`dialog: ${dialog.message()}`); dialog.dismiss() })
	page.on('console', (message) => page.noise.push(`console: ${message.text()}`))
	page.on('request', (request) => {
		if (!request.url().startsWith('file:') && !request.url().startsWith('data:') &&
			!request.url().startsWith('blob:'))
			page.noise.push(`request: ${request.url()}`)
	})
	await page.goto(url + (hash || ''))
	return page
}

async function main() {
	assert(cases[name], `no case ${name}`)
	const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'giltrace-browser-'))
	const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS, env: Object.assign({},
		process.env, { HOME: profile }) })

	try {
		await cases[name]((file, options, hash) => open(browser, file, options, hash), files, modules)
	} finally {
		await browser.close()
		fs.rmSync(profile, { recursive: true, force: true })
	}
}

main().catch((error) => {
	console.error(error.stack || String(error))
	process.exitCode = 1
})
