// The texts of a month's sums come with their page.
import { addTexts } from '.'
import en from './month.en.json'
import chinese from './month.zh-CN.json'

addTexts(chinese, en)
