// The texts of the fee-control packages come with their page and the card of an account.
import { addTexts } from '.'
import en from './package.en.json'
import chinese from './package.zh-CN.json'

addTexts(chinese, en)
