// The texts of refunds, transfers and closings come with their pages.
import { addTexts } from '.'
import en from './pay.en.json'
import chinese from './pay.zh-CN.json'

addTexts(chinese, en)
