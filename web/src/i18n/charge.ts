// The texts of the page about held settlements and re-rating come with it.
import { addTexts } from '.'
import en from './charge.en.json'
import chinese from './charge.zh-CN.json'

addTexts(chinese, en)
